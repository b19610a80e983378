// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/one_torch_thread.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <filesystem>
#include <future>
#include <latch>
#include <thread>

namespace uniad {
namespace {

// Returns the result of `work` on a new thread.
template <typename Work>
auto in_new_thread(Work work) {
  std::packaged_task<decltype(work())()> task(work);
  auto result = task.get_future();
  std::thread(std::move(task)).join();
  return result.get();
}

std::ptrdiff_t threads_of_the_program() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

// Returns the number of threads that LibTorch, OpenMP and MKL start for a large computation. The calling
// thread must not have started any before.
std::ptrdiff_t threads_started_by_work() {
  const auto before = threads_of_the_program();
  const torch::Tensor square = torch::rand({700, 700}).exp();
  EXPECT_GT(torch::matmul(square, square).sum().item<double>(), 0);
  return threads_of_the_program() - before;
}

class OneTorchThreadTest : public testing::Test {
 protected:
  void SetUp() override { at::set_num_threads(3); }  // regardless of the machine and OMP_NUM_THREADS
  void TearDown() override { at::set_num_threads(before_); }

 private:
  const int before_ = at::get_num_threads();
};

TEST_F(OneTorchThreadTest, IsOneThreadForTheCallerAlone) {
  const OneTorchThread outer;
  EXPECT_EQ(in_new_thread([] { return at::get_num_threads(); }), 3);
  EXPECT_GT(in_new_thread(threads_started_by_work), 0);
  EXPECT_LE(in_new_thread([] {  // at most 0, because threads of the previous one may be ending
              const OneTorchThread scope;
              return threads_started_by_work();
            }),
            0);
  EXPECT_GT(in_new_thread([] {
              { const OneTorchThread over; }
              return threads_started_by_work();
            }),
            0);
}

TEST_F(OneTorchThreadTest, ScopesNest) {
  {
    const OneTorchThread outer;
    { const OneTorchThread inner; }
    EXPECT_EQ(at::get_num_threads(), 1);
  }
  EXPECT_EQ(at::get_num_threads(), 3);
}

// The scope that begins first ends first, for example if one stream stops while another learns.
TEST_F(OneTorchThreadTest, ScopesThatOverlapLeaveEachOtherAlone) {
  std::latch first_began(1), second_began(1), first_ended(1);
  int of_first = 0, of_second = 0;
  std::ptrdiff_t started_by_second = -1;
  std::thread first([&] {
    {
      const OneTorchThread scope;
      first_began.count_down();
      second_began.wait();
    }
    of_first = at::get_num_threads();
    first_ended.count_down();
  });
  std::thread second([&] {
    first_began.wait();
    {
      const OneTorchThread scope;
      second_began.count_down();
      first_ended.wait();
      first.join();
      started_by_second = threads_started_by_work();
    }
    of_second = at::get_num_threads();
  });
  second.join();
  EXPECT_EQ(of_first, 3);
  EXPECT_LE(started_by_second, 0);
  EXPECT_EQ(of_second, 3);
  EXPECT_EQ(at::get_num_threads(), 3);
  EXPECT_EQ(in_new_thread([] { return at::get_num_threads(); }), 3);
}

}  // namespace
}  // namespace uniad
