// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/element_setting.h"

#include <gst/gst.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <utility>

#include "model/base/address.h"
#include "model/base/error.h"
#include "pipelines/uniad-rtsp/base/units.h"

namespace uniad::rtsp {
namespace {

std::string quoted(const std::string &text) {
  return "\"" + without_credentials(text) + "\"";
}

// The value of one property, which is set once it has been converted.
class PropertyValue {
 public:
  PropertyValue(const ElementSetting &setting, GParamSpec *spec) : setting_(setting), spec_(spec) {
    g_value_init(&value_, G_PARAM_SPEC_VALUE_TYPE(spec));
  }
  ~PropertyValue() { g_value_unset(&value_); }
  PropertyValue(const PropertyValue &) = delete;
  PropertyValue &operator=(const PropertyValue &) = delete;

  const GValue *get() const { return &value_; }

  void take(bool given) {
    if (!G_IS_PARAM_SPEC_BOOLEAN(spec_)) refuse_type();
    g_value_set_boolean(&value_, given ? TRUE : FALSE);
  }

  void take(std::int64_t given) {
    if (G_IS_PARAM_SPEC_INT(spec_))
      g_value_set_int(&value_, within(given, G_PARAM_SPEC_INT(spec_)));
    else if (G_IS_PARAM_SPEC_UINT(spec_))
      g_value_set_uint(&value_, within(given, G_PARAM_SPEC_UINT(spec_)));
    else if (G_IS_PARAM_SPEC_INT64(spec_))
      g_value_set_int64(&value_, within(given, G_PARAM_SPEC_INT64(spec_)));
    else if (G_IS_PARAM_SPEC_UINT64(spec_))
      g_value_set_uint64(&value_, within(given, G_PARAM_SPEC_UINT64(spec_)));
    else
      take(static_cast<double>(given));
  }

  void take(double given) {
    if (!G_IS_PARAM_SPEC_DOUBLE(spec_)) refuse_type();
    g_value_set_double(&value_, within(given, G_PARAM_SPEC_DOUBLE(spec_)));
  }

  void take(const std::string &given) {
    if (is_time()) return take_time(given);
    if (G_IS_PARAM_SPEC_STRING(spec_)) return g_value_set_string(&value_, given.c_str());
    if (!G_IS_PARAM_SPEC_ENUM(spec_) && !G_IS_PARAM_SPEC_FLAGS(spec_)) refuse_type();
    if (gst_value_deserialize(&value_, given.c_str()) == FALSE)
      refuse(quoted(given) + " is not one of its values", ways());
  }

 private:
  bool is_time() const { return G_IS_PARAM_SPEC_INT64(spec_) || G_IS_PARAM_SPEC_UINT64(spec_); }

  void take_time(const std::string &given) {
    const auto time = parse_time(given);
    if (!time) refuse(quoted(given) + " is not a time", time_ways);
    const double nanoseconds = std::round(std::chrono::duration<double, std::nano>(*time).count());
    constexpr auto most = static_cast<double>(std::numeric_limits<std::int64_t>::max());
    const bool fits = nanoseconds >= 0 && nanoseconds < most;
    if (!fits) refuse(quoted(given) + " is out of range", time_ways);
    take(static_cast<std::int64_t>(nanoseconds));
  }

  template <typename Given, typename Spec>
  decltype(Spec::minimum) within(Given given, const Spec *spec) const {
    bool fits = false;
    if constexpr (std::is_integral_v<Given>)
      fits = !std::cmp_less(given, spec->minimum) && !std::cmp_greater(given, spec->maximum);
    else
      fits = given >= spec->minimum && given <= spec->maximum;  // false for NaN
    if (!fits) refuse("is out of range", ways());
    return static_cast<decltype(spec->minimum)>(given);
  }

  template <typename Spec>
  static std::string range(const char *what, const Spec *spec) {
    std::ostringstream text;
    text << "give " << what << " from " << spec->minimum << " to " << spec->maximum;
    return text.str();
  }

  // What the property accepts, as a hint.
  std::string ways() const {
    if (G_IS_PARAM_SPEC_BOOLEAN(spec_)) return "give true or false";
    if (G_IS_PARAM_SPEC_STRING(spec_)) return "give a text in quotes";
    if (G_IS_PARAM_SPEC_DOUBLE(spec_)) return range("a number", G_PARAM_SPEC_DOUBLE(spec_));
    if (G_IS_PARAM_SPEC_INT(spec_)) return range("a whole number", G_PARAM_SPEC_INT(spec_));
    if (G_IS_PARAM_SPEC_UINT(spec_)) return range("a whole number", G_PARAM_SPEC_UINT(spec_));
    if (is_time()) return time_ways;
    if (!G_IS_PARAM_SPEC_ENUM(spec_)) return "see gst-inspect-1.0";
    std::string text = "give";
    const GEnumClass *values = G_PARAM_SPEC_ENUM(spec_)->enum_class;
    for (guint i = 0; i < values->n_values; ++i)
      text += (i == 0 ? " \"" : ", \"") + std::string(values->values[i].value_nick) + "\"";
    return text;
  }

  [[noreturn]] void refuse(const std::string &problem, const std::string &hint) const {
    throw Error(ErrorKind::InvalidArgument, setting_.place, problem, hint);
  }
  [[noreturn]] void refuse_type() const { refuse("is of the wrong type", ways()); }

  const ElementSetting &setting_;
  GParamSpec *spec_;
  GValue value_ = G_VALUE_INIT;
};

void apply_one(const ElementSetting &setting, GstElement *element) {
  GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), setting.property.c_str());
  const char *factory = GST_OBJECT_NAME(gst_element_get_factory(element));
  const std::string list = std::string("`gst-inspect-1.0 ") + factory + "` lists the properties";
  if (spec == nullptr)
    throw Error(ErrorKind::InvalidArgument, setting.place,
                std::string(factory) + " has no property \"" + setting.property + "\"", list);
  if ((spec->flags & G_PARAM_WRITABLE) == 0)
    throw Error(ErrorKind::InvalidArgument, setting.place, "can only be read", list);
  PropertyValue value(setting, spec);
  std::visit([&value](const auto &given) { value.take(given); }, setting.value);
  g_object_set_property(G_OBJECT(element), setting.property.c_str(), value.get());
}

}  // namespace

void apply(const std::vector<ElementSetting> &settings, GstElement *element) {
  for (const auto &setting : settings) apply_one(setting, element);
}

}  // namespace uniad::rtsp
