// SPDX-License-Identifier: Apache-2.0
#include "training/data/source.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "model/base/error.h"
#include "tests/support/child_process.h"
#include "tests/support/refusal.h"
#include "tests/training/data/temporary_folder.h"
#include "training/data/labels.h"
#include "training/data/visit.h"

namespace uniad {
namespace {

class Sources : public test::TemporaryFolder {
 protected:
  std::vector<Source> open(const std::string &spec) { return open_sources(std::vector{spec}); }

  // Returns the error of opening it.
  std::string refusal(const std::string &spec) {
    try {
      open(spec);
    } catch (const Error &error) {
      return error.what();
    }
    return "nothing";
  }
};

std::vector<Item> items(std::size_t count, const std::string &video = {}) {
  std::vector<Item> made(count);
  for (std::size_t i = 0; i < count; ++i) {
    made[i].path = video.empty() ? std::to_string(i) + ".png" : video;
    if (!video.empty()) made[i].frame = static_cast<std::int64_t>(i);
  }
  return made;
}

TEST_F(Sources, MvtecFolderIsTrainGoodAndTestWithMasks) {
  write_plain("bottle/train/good/000.png");
  write_plain("bottle/train/good/001.JPG");
  write("bottle/train/good/notes.txt", "no picture");
  write_plain("bottle/test/good/000.png");
  write_plain("bottle/test/broken/000.png");
  write_plain("bottle/test/broken/001.png");
  write_plain("bottle/test/scratch/000.png");
  const auto mask = write_plain("bottle/ground_truth/broken/000_mask.png");
  const auto unsuffixed = write_plain("bottle/ground_truth/scratch/000.png");

  const auto sources = open((folder_ / "bottle/").string());
  ASSERT_EQ(sources.size(), 1U);
  EXPECT_EQ(sources[0].name, "bottle");
  ASSERT_EQ(sources[0].train.size(), 2U);
  EXPECT_EQ(sources[0].train[1].path.filename(), "001.JPG");
  EXPECT_EQ(sources[0].train[0].abnormal, false);
  ASSERT_EQ(sources[0].test.size(), 4U);  // by type, then name
  EXPECT_EQ(sources[0].test[0].defect, "broken");
  EXPECT_EQ(sources[0].test[0].abnormal, true);
  EXPECT_EQ(sources[0].test[0].masks, std::vector{mask});
  EXPECT_TRUE(sources[0].test[1].masks.empty());
  EXPECT_EQ(sources[0].test[2].defect, "good");
  EXPECT_EQ(sources[0].test[2].abnormal, false);
  EXPECT_EQ(sources[0].test[3].masks, std::vector{unsuffixed});
}

TEST_F(Sources, AMvtecPictureHasAllMasksOfItsNameAndFolder) {
  for (const char *picture : {"000", "001", "002", "010"})
    write_plain("bottle/test/cut/" + std::string(picture) + ".png");
  const auto truth = folder_ / "bottle/ground_truth/cut";
  for (const char *mask : {"000_mask", "000_mask_1", "000_mask2", "001/a", "001/b", "010_mask", "777_mask"})
    write_plain("bottle/ground_truth/cut/" + std::string(mask) + ".png");
  const auto source = open((folder_ / "bottle").string()).at(0);
  using Paths = std::vector<std::filesystem::path>;
  EXPECT_EQ(source.test[0].masks,
            (Paths{truth / "000_mask.png", truth / "000_mask2.png", truth / "000_mask_1.png"}));
  EXPECT_EQ(source.test[1].masks, (Paths{truth / "001/a.png", truth / "001/b.png"}));
  EXPECT_TRUE(source.test[2].masks.empty());
  EXPECT_EQ(source.test[3].masks, Paths{truth / "010_mask.png"});
  ASSERT_EQ(source.warnings.size(), 1U);
  EXPECT_NE(source.warnings[0].find("1 masks have no matching picture in test/cut: 777"), std::string::npos);
}

TEST_F(Sources, FlatFolderServesBothAndSaysNothingOfLabels) {
  write_plain("b.png");
  write_plain("a.bmp");
  const auto sources = open("cam0=" + folder_.string());
  EXPECT_EQ(sources.at(0).name, "cam0");
  ASSERT_EQ(sources[0].train.size(), 2U);
  EXPECT_EQ(sources[0].train[0].path.filename(), "a.bmp");
  EXPECT_EQ(sources[0].test.size(), 2U);
  EXPECT_FALSE(sources[0].test[0].abnormal.has_value());
}

TEST_F(Sources, WhatAFolderHoldsBesidePicturesIsCountedAndNamed) {
  for (const char *picture : {"flat/a.png", "flat/b.jfif.jpg", "flat/inner/c.png"}) write_plain(picture);
  std::filesystem::rename(folder_ / "flat/b.jfif.jpg", folder_ / "flat/b.jfif");
  for (const char *other : {"flat/d.gif", "flat/e.heic", "flat/f.avif", "flat/.hidden"}) write(other, "x");
  std::filesystem::create_directory(folder_ / "flat/folder.png");
  ASSERT_EQ(mkfifo((folder_ / "flat/pipe.png").c_str(), 0600), 0);
  std::filesystem::create_symlink("nowhere", folder_ / "flat/broken.png");
  const auto source = open((folder_ / "flat").string()).at(0);
  ASSERT_EQ(source.train.size(), 2U);
  EXPECT_EQ(source.train[1].path.filename(), "b.jfif");
  ASSERT_EQ(source.warnings.size(), 1U);
  EXPECT_EQ(source.warnings[0], (folder_ / "flat").string() +
                                    ": 7 skipped, not in a supported picture format: "
                                    "broken.png, d.gif, e.heic, f.avif, pipe.png and 2 more");

  write("only/a.gif", "x");
  EXPECT_NE(refusal((folder_ / "only").string()).find("skipped, not in a supported picture format: a.gif"),
            std::string::npos);

  for (const char *picture :
       {"product/train/good/0.png", "product/train/bad/0.png", "product/test/good/0.png"})
    write_plain(picture);
  write("product/train/good/1.heic", "x");
  write("product/test/good/2.gif", "x");
  write("product/test/note.txt", "x");
  std::string said;
  const auto product = open((folder_ / "product").string());
  for (const auto &warning : product.at(0).warnings) said += warning + '\n';
  for (const char *name : {"1.heic", "bad/", "2.gif", "note.txt"})
    EXPECT_NE(said.find(std::string("skipped, not in a supported picture format: ") + name),
              std::string::npos)
        << said;
}

// Reading from it would wait for a writer.
TEST_F(Sources, APipeIsNoFile) {
  for (const char *name : {"pipe.mp4", "pipe.png", "pipe.jsonl"}) {
    ASSERT_EQ(mkfifo(file(name).c_str(), 0600), 0);
    EXPECT_NE(refusal(file(name).string()).find("neither a file nor a folder"), std::string::npos) << name;
  }
}

// Counting packets is correct if a decoder outputs one frame for each, and is not used otherwise. The result
// must equal the number of frames that ffprobe decodes.
TEST_F(Sources, AVideoHasAsManyFramesAsFfprobeDecodes) {
  const std::string test_source = "ffmpeg -v error -f lavfi -i testsrc2=size=96x80:rate=25:duration=1.6 ";
  for (const char *format :
       {"-c:v libx264 -bf 3 a.mp4", "-c:v libx264 -bf 3 -ss 0.5 a.mp4", "-c:v libx264 a.ts",
        "-c:v libx264 -flags +ildct+ilme b.mp4", "-c:v libx265 -x265-params log-level=1 a.mkv",
        "-c:v libvpx -auto-alt-ref 1 -lag-in-frames 16 -b:v 1M a.webm",
        "-c:v libvpx-vp9 -auto-alt-ref 1 -lag-in-frames 16 b.webm", "-c:v mpeg4 -bf 2 a.avi",
        "-c:v mpeg2video -flags +ildct+ilme a.mpg", "-c:v mjpeg b.avi", "-c:v ffv1 c.mkv",
        "-vf 'select=not(mod(n\\,3))' -fps_mode vfr -c:v libx264 d.mkv"}) {
    const std::string options = format;
    const auto name = options.substr(options.rfind(' ') + 1);
    const auto path = file(name).string();
    std::filesystem::remove(path);
    ASSERT_EQ(
        std::system(
            (test_source + options.substr(0, options.rfind(' ')) + " -pix_fmt yuv420p " + path).c_str()),
        0)
        << options;
    const auto decoded = test::run({"ffprobe", "-v", "quiet", "-count_frames", "-select_streams", "v:0",
                                    "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", path});
    ASSERT_EQ(decoded.status, 0) << options;
    const auto source = open(path).at(0);
    EXPECT_EQ(source.test.size(), static_cast<std::size_t>(std::stoi(decoded.out))) << options;
    std::size_t seen = 0;
    EXPECT_TRUE(visit_items(source.test, [&](std::size_t, const FrameView &) { ++seen; }).empty()) << options;
    EXPECT_EQ(seen, source.test.size()) << options;
  }
}

TEST_F(Sources, ListHasASourceForEachClass) {
  for (const char *picture : {"data/bottle/train/good/0.png", "data/bottle/test/bad/1.png", "data/2.png"})
    write_plain(picture);
  write("data/list.json",
        R"({"filename": "bottle/train/good/0.png", "label": 0, "label_name": "good", "clsname": "flask"}
{"filename": "bottle/test/bad/1.png", "label": 1, "label_name": "defective", "maskname": "m/1.png"}

{"filename": "2.png", "label": 0, "label_name": "good"}
)");
  const auto sources = open((folder_ / "data/list.json").string());
  ASSERT_EQ(sources.size(), 3U);
  EXPECT_EQ(sources[0].name, "flask");
  EXPECT_EQ(sources[0].train.at(0).path, folder_ / "data/bottle/train/good/0.png");
  EXPECT_EQ(sources[1].name, "bottle");  // fourth component from the end
  EXPECT_TRUE(sources[1].train.empty());
  EXPECT_EQ(sources[1].test.at(0).abnormal, true);
  EXPECT_EQ(sources[1].test[0].masks, std::vector{folder_ / "data/m/1.png"});
  EXPECT_EQ(sources[2].name, "list");

  const auto elsewhere = open_sources(
      std::vector<std::string>{"all=" +
                               write("lists/list.jsonl", content(folder_ / "data/list.json")).string()},
      {.image_dir = folder_ / "data", .bit_depth = {}, .progress = nullptr});
  ASSERT_EQ(elsewhere.size(), 1U);
  EXPECT_EQ(elsewhere[0].name, "all");
  EXPECT_EQ(elsewhere[0].test.at(2).path, folder_ / "data/2.png");
  EXPECT_EQ(elsewhere[0].train.size(), 2U);
}

TEST_F(Sources, AListNamesSeveralMasksOfAPicture) {
  write_plain("1.png");
  const auto list =
      write("list.json", R"({"filename": "1.png", "label": 1, "maskname": ["a.png", "b.png"]})");
  EXPECT_EQ(open(list.string()).at(0).test.at(0).masks,
            (std::vector<std::filesystem::path>{folder_ / "a.png", folder_ / "b.png"}));
}

TEST_F(Sources, AListSaysWhatIsMissingAndWhatComesTwice) {
  std::string lines = R"({"filename": "here.png", "label": 0})"
                      "\n";
  for (int i = 0; i < 8; ++i)
    lines += R"({"filename": "gone)" + std::to_string(i) +
             R"(.png", "label": 0})"
             "\n";
  lines += R"({"filename": "here.png", "label": 1})"
           "\n";
  write_plain("here.png");
  const auto list = write("list.json", lines);
  const auto source = open(list.string()).at(0);
  ASSERT_EQ(source.test.size(), 1U);
  EXPECT_EQ(source.test[0].abnormal, false);  // the first line applies
  ASSERT_EQ(source.warnings.size(), 2U);
  EXPECT_EQ(source.warnings[0],
            list.string() +
                ": 8 files are missing: gone0.png, gone1.png, gone2.png, gone3.png, gone4.png "
                "and 3 more");
  EXPECT_EQ(source.warnings[1], list.string() + ": 1 names occur more than once and are used once: here.png");
}

TEST_F(Sources, AListWithoutAnyOfItsFilesIsRefused) {
  const auto list = write("list.json", R"({"filename": "gone.png", "label": 0})");
  EXPECT_NE(refusal(list.string()).find("use another --image-dir"), std::string::npos);
}

TEST_F(Sources, AListWhoseLabelsAreWrongIsRefused) {
  write_plain("a.png");
  const auto refused = [&](const std::string &labels) {
    return refusal(write("list.json", R"({"filename": "a.png", )" + labels + "}").string());
  };
  EXPECT_NE(refused(R"("label": 2)").find("line 1: \"label\" is 2, not 0 or 1"), std::string::npos);
  EXPECT_NE(refused(R"("label": 0.5)").find("0.5, not 0 or 1"), std::string::npos);
  EXPECT_NE(refused(R"("label": "1")").find("not 0 or 1"), std::string::npos);
  EXPECT_NE(refused(R"("label": 1, "label_name": "good")").find("contradict each other"), std::string::npos);
  EXPECT_NE(refused(R"("label": 0, "label_name": "defective")").find("contradict"), std::string::npos);
  EXPECT_EQ(refused(R"("label": 0, "label_name": "as always")"), "nothing");
  EXPECT_NE(refused(R"("label": 1, "maskname": 7)").find("line 1"), std::string::npos);
}

TEST_F(Sources, EqualNamesJoin) {
  const auto a = write_plain("a/1.png").parent_path().string();
  const auto b = write_plain("b/1.png").parent_path().string();
  const auto sources = open_sources(std::vector<std::string>{"cam=" + a, "other=" + a, "cam=" + b});
  ASSERT_EQ(sources.size(), 2U);
  EXPECT_EQ(sources[0].name, "cam");
  EXPECT_EQ(sources[0].train.size(), 2U);
  EXPECT_EQ(sources[0].path, a + ", " + b);
}

TEST_F(Sources, APathMayHoldAnEqualsSign) {
  const auto folder = write_plain("a=b/1.png").parent_path().string();
  EXPECT_EQ(open(folder).at(0).name, "a=b");
}

TEST_F(Sources, APictureBelongsToItsFolder) {
  const auto picture = write_plain("cam7/1.png");
  const auto sources = open(picture.string());
  EXPECT_EQ(sources.at(0).name, "cam7");
  EXPECT_EQ(sources[0].test.size(), 1U);
}

TEST_F(Sources, VideoGivesTheSelectedFrames) {
  const auto video = write_video("clip.avi", 30, "jpegenc ! avimux").string();
  const auto whole = open(video);
  EXPECT_EQ(whole.at(0).name, "clip");
  ASSERT_EQ(whole[0].train.size(), 30U);
  EXPECT_EQ(whole[0].train.back().frame, 29);
  EXPECT_EQ(whole[0].frame_rate, 25);

  const auto some = open(video + "#10-19").at(0).test;
  ASSERT_EQ(some.size(), 10U);
  EXPECT_EQ(some.front().frame, 10);
  EXPECT_EQ(some.back().frame, 19);
  EXPECT_EQ(open(video + "#25-").at(0).test.size(), 5U);
  EXPECT_TRUE(open(video + "#20-29").at(0).warnings.empty());
  const auto beyond = open(video + "#25-30").at(0);  // clipped to the frames that exist, with a warning
  EXPECT_EQ(beyond.test.size(), 5U);
  ASSERT_EQ(beyond.warnings.size(), 1U);
  EXPECT_NE(beyond.warnings[0].find(video + ": has 30 frames"), std::string::npos) << beyond.warnings[0];
  EXPECT_EQ(open(video + "#25-99999999999").at(0).test.size(), 5U);
}

// The second half of the video is missing, from the middle of a frame on.
TEST_F(Sources, AVideoThatEndsInABrokenFrameGivesThoseBeforeItAndSaysSo) {
  const auto whole = write_video("whole.mkv", 40, "jpegenc ! matroskamux");
  const auto bytes = content(whole);
  const auto source = open(write("cut.mkv", bytes.substr(0, bytes.size() / 2)).string()).at(0);
  EXPECT_GT(source.train.size(), 10U);
  EXPECT_LT(source.train.size(), 30U);
  std::size_t seen = 0;
  const auto unread = visit_items(source.train, [&](std::size_t, const FrameView &) { ++seen; });
  EXPECT_EQ(seen, source.train.size());
  EXPECT_TRUE(unread.empty());
}

// Wherever the file is cut, the remaining frames are returned with a single warning that it is cut short. If
// the index of the file is lost with its end, the error says the same.
TEST_F(Sources, AVideoThatIsCutShortSaysSoInEveryContainer) {
  const std::vector<std::pair<std::string, std::string>> containers{
      {"index_first.mov", "qtmux faststart=true"},
      {"index_last.mov", "qtmux"},
      {"a.avi", "avimux"},
      {"a.mkv", "matroskamux"}};
  for (const auto &[name, muxer] : containers) {
    const auto whole = write_video(name, 40, "jpegenc ! " + muxer);
    EXPECT_TRUE(open(whole.string()).at(0).warnings.empty()) << name;
    const auto bytes = content(whole);
    for (const double share : {0.3, 0.5, 0.7, 0.9}) {
      SCOPED_TRACE(name + " " + std::to_string(share));
      const auto length = static_cast<std::size_t>(share * static_cast<double>(bytes.size()));
      const auto cut = write("cut_" + name, bytes.substr(0, length)).string();
      if (name == "index_last.mov") {
        EXPECT_NE(refusal(cut).find(cut + ": is cut short: "), std::string::npos) << refusal(cut);
        continue;
      }
      const auto source = open(cut).at(0);
      EXPECT_LT(source.test.size(), 40U);
      ASSERT_EQ(source.warnings.size(), 1U);
      EXPECT_NE(source.warnings[0].find(cut + ": is cut short, "), std::string::npos) << source.warnings[0];
      std::size_t seen = 0;
      EXPECT_TRUE(visit_items(source.test, [&](std::size_t, const FrameView &) { ++seen; }).empty());
      EXPECT_EQ(seen, source.test.size());
      EXPECT_TRUE(open(cut + "#0-1").at(0).warnings.empty());  // these frames exist
    }
  }
}

TEST_F(Sources, RefusalsNameTheReason) {
  const auto video = write_video("clip.avi", 5, "jpegenc ! avimux").string();
  const auto picture = write_plain("one/a.png").string();
  EXPECT_NE(refusal("/nowhere/x.mp4").find("/nowhere/x.mp4: no such file"), std::string::npos);
  EXPECT_NE(refusal(video + "#5-9").find("beyond its end (5 frames)"), std::string::npos);
  EXPECT_NE(refusal(video + "#3-1").find("selects no frames"), std::string::npos);
  EXPECT_NE(refusal(video + "#one").find("selects no frames"), std::string::npos);
  EXPECT_NE(refusal(picture + "#0-1").find("only be selected from a video"), std::string::npos);
  EXPECT_NE(refusal(write("empty/.keep", "").parent_path().string()).find("no picture in this folder"),
            std::string::npos);
  EXPECT_NE(refusal(write("notes.txt", "just text").string()).find("notes.txt"), std::string::npos);
  EXPECT_NE(refusal(write("nothing.mp4", "").string()).find("nothing.mp4"), std::string::npos);
  write_plain("a.png");
  EXPECT_NE(refusal(write("bad.json", "{\"filename\": \"a.png\"}\n{\"label\": 0}\n").string()).find("line 2"),
            std::string::npos);
  EXPECT_NE(refusal(write("array.json", "[{\"filename\": \"a.png\"}]\n").string()).find("line 1"),
            std::string::npos);
  EXPECT_NE(refusal(write("blank.json", "\n\n").string()).find("contains no pictures"), std::string::npos);
}

TEST_F(Sources, SoundAloneIsNoVideo) {
  gst_init(nullptr, nullptr);
  const auto sound = file("sound.wav");
  ASSERT_EQ(std::system(("gst-launch-1.0 -q audiotestsrc num-buffers=5 ! wavenc ! filesink location=" +
                         sound.string())
                            .c_str()),
            0);
  EXPECT_NE(refusal(sound.string()).find("sound.wav"), std::string::npos);
}

TEST_F(Sources, LabelsOfOneVideo) {
  auto sources = open(write_video("clip.avi", 4, "jpegenc ! avimux").string());
  apply_labels(write("labels.csv", "frame0,abnormal\r\n0,0\r\n2,1\r\n77,1\r\n"), sources);
  EXPECT_EQ(sources[0].test[0].abnormal, false);
  EXPECT_FALSE(sources[0].test[1].abnormal.has_value());
  EXPECT_EQ(sources[0].test[2].abnormal, true);
}

TEST_F(Sources, LabelsOfSeveralVideosGoByTheirNames) {
  const auto a = write_video("17.avi", 2, "jpegenc ! avimux").string();
  const auto b = write_video("20.avi", 2, "jpegenc ! avimux").string();
  auto sources = open_sources(std::vector{"cam=" + a, "cam=" + b});
  apply_labels(write("labels.csv", "video,frame0,abnormal\n20,1,1\n17,1,0\n"), sources);
  EXPECT_EQ(sources[0].test[1].abnormal, false);
  EXPECT_EQ(sources[0].test[3].abnormal, true);

  EXPECT_THROW(apply_labels(write("unnamed.csv", "frame0,abnormal\n0,1\n"), sources), Error);
  EXPECT_THROW(apply_labels(write("others.csv", "video,frame0,abnormal\n99,0,1\n"), sources), Error);
  EXPECT_THROW(apply_labels(write("header.csv", "0,1\n"), sources), Error);
  EXPECT_THROW(apply_labels(write("number.csv", "video,frame0,abnormal\n17,x,1\n"), sources), Error);
  EXPECT_THROW(apply_labels(write("two.csv", "video,frame0,abnormal\n17,0,2\n"), sources), Error);
  EXPECT_THROW(apply_labels("/nowhere.csv", sources), Error);
}

TEST_F(Sources, LabelsNameAVideoByItsFileOrItsPath) {
  const auto door = write_video("north/front door, old.avi", 2, "jpegenc ! avimux").string();
  const auto yard = write_video("south/yard.v2.avi", 2, "jpegenc ! avimux").string();
  const auto other_yard = write_video("north/yard.v2.avi", 2, "jpegenc ! avimux").string();
  const auto opened = open_sources(std::vector{"cam=" + door, "cam=" + yard, "other=" + other_yard});
  // Labels frame 1 of a video by this name. Returns which of the three videos gets the label, or the error.
  const auto labeled = [&](const std::string &name) -> std::string {
    auto sources = opened;
    try {
      apply_labels(write("labels.csv", "frame0,\"video\",abnormal\r\n1," + name + ",1\r\n"), sources);
    } catch (const Error &error) {
      return error.what();
    }
    std::string found;
    for (const auto &source : sources)
      for (const auto &item : source.test)
        if (item.abnormal) found += item.path.string() + ' ' + std::to_string(*item.frame);
    return found;
  };
  for (const std::string &name :
       {std::string("front door, old"), std::string("front door, old.avi"),
        std::string("north/front door, old.avi"), std::string("north/front door, old"), door})
    EXPECT_EQ(labeled('"' + name + '"'), door + " 1") << name;
  EXPECT_EQ(labeled("  south/yard.v2.avi "), yard + " 1");  // spaces around a name
  EXPECT_EQ(labeled("south/yard.v2"), yard + " 1");
  EXPECT_EQ(labeled("north/../south/yard.v2"), yard + " 1");

  EXPECT_NE(labeled("yard.v2").find("\"yard.v2\" is ambiguous: it could be "), std::string::npos);
  EXPECT_NE(labeled("yard.v2").find("write more of the path"), std::string::npos);
  for (const char *stranger : {"yard", "frontdoor", "uth/yard.v2.avi", "/south/yard.v2.avi", "Yard.v2"}) {
    const std::string refusal = labeled(stranger);
    EXPECT_NE(refusal.find(door), std::string::npos) << refusal;  // the name that it looked for
    EXPECT_NE(refusal.find('"' + std::string(stranger) + '"'), std::string::npos) << refusal;
  }
}

TEST_F(Sources, LabelsAreReadAsRfc4180HasThem) {
  auto sources = open(write_video("a \"b\".avi", 3, "jpegenc ! avimux").string());
  // A byte order mark, a quoted header, a column with a line break, a comma and quotes, a blank line, and no
  // newline at the end.
  apply_labels(write("all.csv",
                     "\xEF\xBB\xBF\"frame0\",note,abnormal,video\n"
                     "0,\"first,\r\n\"\"second\"\"\",1,\"a \"\"b\"\"\"\n\n2,,0,\"a \"\"b\"\".avi\""),
               sources);
  EXPECT_EQ(sources[0].test[0].abnormal, true);
  EXPECT_FALSE(sources[0].test[1].abnormal.has_value());
  EXPECT_EQ(sources[0].test[2].abnormal, false);

  const auto refusal_of = [&](const std::string &text) {
    return test::refusal([&] { apply_labels(write("bad.csv", text), sources); });
  };
  EXPECT_NE(refusal_of("frame0,abnormal\n0,1\n\n\"1,0\n").find("line 4: a quote is not closed"),
            std::string::npos);
  EXPECT_NE(refusal_of("frame0,abnormal\n0,1\n\n1,\n").find("line 4: \"1,\" is not a label"),
            std::string::npos);
  EXPECT_NE(refusal_of("frame0;abnormal\n0;1\n").find("\"frame0;abnormal\", does not name the columns"),
            std::string::npos);
  EXPECT_NE(refusal_of("").find("does not name the columns"), std::string::npos);
}

TEST_F(Sources, AVideoThatTheLabelsForgetIsNamed) {
  const auto a = write_video("17.avi", 2, "jpegenc ! avimux").string();
  const auto b = write_video("20.avi", 2, "jpegenc ! avimux").string();
  auto sources = open_sources(std::vector{"cam=" + a, "cam=" + b});
  apply_labels(write("labels.csv", "video,frame0,abnormal\n17,1,1\n21,1,1\n"), sources);
  ASSERT_EQ(sources[0].warnings.size(), 1U);
  EXPECT_NE(sources[0].warnings[0].find("labels no frame of " + b), std::string::npos);
  EXPECT_NE(sources[0].warnings[0].find("names \"17\", \"21\""), std::string::npos);
}

TEST(LimitFrames, SpreadsEvenlyAndKeepsPictures) {
  auto mixed = items(3);
  const auto frames = items(100, "v.mp4");
  mixed.insert(mixed.end(), frames.begin(), frames.end());
  const auto kept = limit_frames(mixed, 10);
  ASSERT_EQ(kept.size(), 13U);
  EXPECT_FALSE(kept[2].frame);
  for (std::size_t i = 4; i < kept.size(); ++i) EXPECT_EQ(*kept[i].frame - *kept[i - 1].frame, 10);
  EXPECT_EQ(limit_frames(mixed, 100).size(), 103U);
}

TEST(HoldBack, TakesTheEndOfEachVideo) {
  auto all = items(300, "a.mp4");
  const auto second = items(100, "b.mp4");
  all.insert(all.end(), second.begin(), second.end());
  const auto split = hold_back(all, 1);
  ASSERT_EQ(split.held_back.size(), 40U);
  EXPECT_EQ(split.train.size(), 360U);
  for (std::size_t i = 0; i < 30; ++i) {
    EXPECT_EQ(split.held_back[i].path, "a.mp4");
    EXPECT_EQ(split.held_back[i].frame, static_cast<std::int64_t>(270 + i));
  }
  EXPECT_EQ(split.held_back[30].path, "b.mp4");
  EXPECT_EQ(split.held_back[30].frame, 90);
}

TEST(HoldBack, TakesARandomTenthOfPicturesThatTheSeedDecides) {
  const auto all = items(1000);
  const auto held_back = [&](std::uint64_t seed) {
    std::set<std::filesystem::path> names;
    for (const auto &item : hold_back(all, seed).held_back) names.insert(item.path);
    return names;
  };
  const auto split = hold_back(all, 7);
  EXPECT_EQ(held_back(7).size(), 100U);
  EXPECT_EQ(split.train.size(), 900U);
  EXPECT_EQ(held_back(7), held_back(7));
  EXPECT_NE(held_back(7), held_back(8));
  // The pictures are not contiguous: the chance that 100 random ones are all in one half is 2^-99.
  EXPECT_TRUE(held_back(7).contains(split.held_back.front().path));
  EXPECT_LT(std::stoi(split.held_back.front().path.stem().string()), 500);
  EXPECT_GE(std::stoi(split.held_back.back().path.stem().string()), 500);
  EXPECT_EQ(split.train.front().path.stem().string().size(), 1U);  // the order is kept
}

TEST(HoldBack, KeepsTwentyWhereThatLeavesFourFifths) {
  EXPECT_EQ(hold_back(items(100), 1).held_back.size(), 20U);
  EXPECT_EQ(hold_back(items(150, "v.mp4"), 1).held_back.size(), 20U);
  EXPECT_EQ(hold_back(items(31), 1).held_back.size(), 4U);
  EXPECT_EQ(hold_back(items(2), 1).held_back.size(), 1U);
  EXPECT_EQ(hold_back(items(1), 1).held_back.size(), 0U);
  EXPECT_EQ(hold_back(items(0), 1).train.size(), 0U);
}

TEST(HoldBack, TakesTheShareThatIsAskedFor) {
  EXPECT_EQ(hold_back(items(100), 1, 0.3).held_back.size(), 30U);
  EXPECT_EQ(hold_back(items(10, "v.mp4"), 1, 0.25).held_back.size(), 3U);
  EXPECT_EQ(hold_back(items(10, "v.mp4"), 1, 0.25).held_back.front().frame, 7);
  EXPECT_EQ(hold_back(items(2), 1, 0.99).train.size(), 1U);  // one picture is left
}

TEST(AssignFolds, PartsAVideoIntoBlocksOfNeighbors) {
  EXPECT_EQ(assign_folds(items(10, "v.mp4"), 5), (std::vector<int>{0, 0, 1, 1, 2, 2, 3, 3, 4, 4}));
  // If they cannot be of equal size, they differ by one.
  const auto uneven = assign_folds(items(13, "v.mp4"), 5);
  EXPECT_TRUE(std::is_sorted(uneven.begin(), uneven.end()));
  for (int fold = 0; fold < 5; ++fold) {
    const auto size = std::count(uneven.begin(), uneven.end(), fold);
    EXPECT_GE(size, 2) << fold;
    EXPECT_LE(size, 3) << fold;
  }
  EXPECT_EQ(assign_folds(items(1, "v.mp4"), 5), std::vector<int>{0});
  EXPECT_TRUE(assign_folds(items(0), 5).empty());
}

TEST(AssignFolds, PartsEachVideoByItself) {
  // Frames of both alternate, unlike in real lists: each video keeps its own order.
  const auto a = items(10, "a.mp4");
  const auto b = items(5, "b.mp4");
  std::vector<Item> all;
  for (std::size_t i = 0; i < 5; ++i) all.insert(all.end(), {a[2 * i], b[i], a[2 * i + 1]});
  EXPECT_EQ(assign_folds(all, 5), (std::vector<int>{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}));
  std::vector<Item> one_by_one = a;
  one_by_one.insert(one_by_one.end(), b.begin(), b.end());
  EXPECT_EQ(assign_folds(one_by_one, 5), (std::vector<int>{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 0, 1, 2, 3, 4}));
}

TEST(AssignFolds, TakesPicturesByTurnsWhateverLiesBetween) {
  EXPECT_EQ(assign_folds(items(7), 5), (std::vector<int>{0, 1, 2, 3, 4, 0, 1}));
  auto mixed = items(3);
  const auto frames = items(4, "v.mp4");
  mixed.insert(mixed.begin() + 1, frames.begin(), frames.end());
  EXPECT_EQ(assign_folds(mixed, 2), (std::vector<int>{0, 0, 0, 1, 1, 1, 0}));
}

}  // namespace
}  // namespace uniad
