// SPDX-License-Identifier: Apache-2.0
// Declares GObject properties that are stored as members of a struct of settings.
#pragma once

#include <gst/gst.h>

#include <algorithm>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

namespace uniad {

template <typename Settings>
class PropertyTable {
 public:
  // id: the property's number, greater than 0. spec: must have the member's type; owned by the class that
  // installs it.
  template <typename Value>
  PropertyTable &add(guint id, Value Settings::*member, GParamSpec *spec) {
    entries_.push_back({id, spec,
                        [member](Settings &settings, const GValue *from) { assign(settings.*member, from); },
                        [member](const Settings &settings, GValue *to) { store(settings.*member, to); }});
    return *this;
  }

  void install(GObjectClass *klass) const {
    for (const Entry &entry : entries_) g_object_class_install_property(klass, entry.id, entry.spec);
  }

  // Returns false if the table does not contain the property. The caller must hold the lock of the settings.
  bool set(Settings &settings, guint id, const GValue *from) const {
    const Entry *entry = find(id);
    if (entry != nullptr) entry->set(settings, from);
    return entry != nullptr;
  }
  bool get(const Settings &settings, guint id, GValue *to) const {
    const Entry *entry = find(id);
    if (entry != nullptr) entry->get(settings, to);
    return entry != nullptr;
  }

 private:
  struct Entry {
    guint id;
    GParamSpec *spec;
    std::function<void(Settings &, const GValue *)> set;
    std::function<void(const Settings &, GValue *)> get;
  };

  const Entry *find(guint id) const {
    const auto found =
        std::find_if(entries_.begin(), entries_.end(), [id](const Entry &entry) { return entry.id == id; });
    return found == entries_.end() ? nullptr : &*found;
  }

  template <typename Value>
  static void assign(Value &value, const GValue *from) {
    if constexpr (std::is_same_v<Value, std::string>) {
      const gchar *text = g_value_get_string(from);
      value = text != nullptr ? text : "";
    } else if constexpr (std::is_enum_v<Value>) {
      value = static_cast<Value>(g_value_get_enum(from));
    } else if constexpr (std::is_same_v<Value, bool>) {
      value = g_value_get_boolean(from) != FALSE;
    } else if constexpr (std::is_same_v<Value, double>) {
      value = g_value_get_double(from);
    } else if constexpr (std::is_same_v<Value, guint64>) {
      value = g_value_get_uint64(from);
    } else if constexpr (std::is_same_v<Value, gint64>) {
      value = g_value_get_int64(from);
    } else {
      static_assert(std::is_same_v<Value, guint>);
      value = g_value_get_uint(from);
    }
  }

  // An empty string represents a property that is not set.
  template <typename Value>
  static void store(const Value &value, GValue *to) {
    if constexpr (std::is_same_v<Value, std::string>)
      g_value_set_string(to, value.empty() ? nullptr : value.c_str());
    else if constexpr (std::is_enum_v<Value>)
      g_value_set_enum(to, value);
    else if constexpr (std::is_same_v<Value, bool>)
      g_value_set_boolean(to, value ? TRUE : FALSE);
    else if constexpr (std::is_same_v<Value, double>)
      g_value_set_double(to, value);
    else if constexpr (std::is_same_v<Value, guint64>)
      g_value_set_uint64(to, value);
    else if constexpr (std::is_same_v<Value, gint64>)
      g_value_set_int64(to, value);
    else
      g_value_set_uint(to, value);
  }

  std::vector<Entry> entries_;
};

}  // namespace uniad
