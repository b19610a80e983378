// SPDX-License-Identifier: Apache-2.0
#include "model/file/pickle.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>
#include <unordered_map>

#include "model/base/error.h"

namespace uniad::pickle {
namespace {

// A checkpoint of the largest backbone with its optimizer uses a twentieth of this.
constexpr std::size_t work_limit = 500'000;
constexpr std::size_t rank_limit = 8;

constexpr std::array<std::pair<std::string_view, DType>, 10> storage_types{{{"DoubleStorage", DType::F64},
                                                                            {"FloatStorage", DType::F32},
                                                                            {"HalfStorage", DType::F16},
                                                                            {"BFloat16Storage", DType::BF16},
                                                                            {"LongStorage", DType::I64},
                                                                            {"IntStorage", DType::I32},
                                                                            {"ShortStorage", DType::I16},
                                                                            {"CharStorage", DType::I8},
                                                                            {"ByteStorage", DType::U8},
                                                                            {"BoolStorage", DType::Bool}}};

Value global(std::string_view module, std::string_view name) {
  if ((module == "collections" && (name == "OrderedDict" || name == "defaultdict")) ||
      (module == "easydict" && name == "EasyDict")) {
    return Callable{Callable::Kind::MakeDict};
  }
  if (module == "torch._utils") {
    if (name == "_rebuild_tensor" || name == "_rebuild_tensor_v2") {
      return Callable{Callable::Kind::RebuildTensor};
    }
    if (name == "_rebuild_parameter" || name == "_rebuild_parameter_with_state") {
      return Callable{Callable::Kind::RebuildParameter};
    }
  }
  if (module == "torch" || module == "torch.cuda") {
    const auto *found = std::find_if(storage_types.begin(), storage_types.end(),
                                     [name](const auto &type) { return type.first == name; });
    if (found != storage_types.end()) return Callable{Callable::Kind::StorageType, found->second};
  }
  return Inert{};
}

class Machine {
 public:
  Machine(std::span<const std::byte> program, Objects &objects, const std::string &file)
      : rest_(program), objects_(objects), file_(file) {}

  Value run() {
    for (;;) {
      spend(1);
      const auto opcode = take<std::uint8_t>();
      if (opcode == '.') return pop();
      step(opcode);
    }
  }
  std::span<const std::byte> rest() const { return rest_; }

 private:
  void step(std::uint8_t opcode) {
    switch (opcode) {
      case 0x80:
        take<std::uint8_t>();
        break;  // PROTO
      case 0x95:
        take<std::uint64_t>();
        break;  // FRAME
      case '(':
        marks_.push_back(stack_.size());
        break;
      case '0':
        drop();
        break;
      case '1':
        pop_to_mark();
        break;
      case '2':
        push(top());
        break;
      // Scalars. None, true, false and floats are not needed for tensors.
      case 'N':
      case 0x88:
      case 0x89:
        push(Inert{});
        break;
      case 'G':
        skip(8, Inert{});
        break;
      case 'J':
        push(std::int64_t{take<std::int32_t>()});
        break;
      case 'K':
        push(std::int64_t{take<std::uint8_t>()});
        break;
      case 'M':
        push(std::int64_t{take<std::uint16_t>()});
        break;
      case 0x8a:
        push(long_integer(take<std::uint8_t>()));
        break;
      case 0x8b:
        push(long_integer(take<std::uint32_t>()));
        break;
      // Strings
      case 'U':
      case 0x8c:
        push(text(take<std::uint8_t>()));
        break;
      case 'T':
      case 'X':
        push(text(take<std::uint32_t>()));
        break;
      case 0x8d:
        push(text(take<std::uint64_t>()));
        break;
      // Bytes
      case 'C':
        skip(take<std::uint8_t>(), Inert{});
        break;
      case 'B':
        skip(take<std::uint32_t>(), Inert{});
        break;
      case 0x8e:
      case 0x96:
        skip(take<std::uint64_t>(), Inert{});
        break;
      // Containers
      case ']':
      case ')':
        push(new_list({}));
        break;
      case 'l':
      case 't':
        push(new_list(pop_to_mark()));
        break;
      case 0x85:
        push_tuple(1);
        break;
      case 0x86:
        push_tuple(2);
        break;
      case 0x87:
        push_tuple(3);
        break;
      case 'a':
        append({pop()});
        break;
      case 'e':
        append(pop_to_mark());
        break;
      case '}':
        push(new_dict());
        break;
      case 'd':
        push_dict();
        break;
      case 's':
        set_item();
        break;
      case 'u':
        set_items(pop_to_mark());
        break;
      case 0x8f:
        push(Inert{});
        break;  // EMPTY_SET
      case 0x90:
        pop_to_mark();
        break;  // ADDITEMS
      case 0x91:
        replace_mark(Inert{});
        break;  // FROZENSET
      // Memo
      case 'q':
        memo_[take<std::uint8_t>()] = top();
        break;
      case 'r':
        memo_[take<std::uint32_t>()] = top();
        break;
      case 0x94:
        memo_[static_cast<std::uint32_t>(memo_.size())] = top();
        break;
      case 'h':
        push(remembered(take<std::uint8_t>()));
        break;
      case 'j':
        push(remembered(take<std::uint32_t>()));
        break;
      // Objects
      case 'c':
        import_by_lines();
        break;
      case 0x93:
        import_by_stack();
        break;
      case 'R':
      case 0x81:
        call();
        break;
      case 0x92:
        drop();
        call();
        break;  // NEWOBJ_EX, without keyword arguments
      case 'o':
        replace_mark(Inert{});
        break;  // OBJ
      case 'b':
        drop();
        break;  // BUILD; attributes of objects are ignored
      case 'Q':
        push(persistent(pop()));
        break;
      default:
        fail("has an instruction that torch.save does not write");
    }
  }

  [[noreturn]] void fail(const std::string &what) const {
    throw Error(ErrorKind::Malformed, file_, "its pickle " + what,
                "it is damaged or not a torch.save file of weights: download it again");
  }

  void spend(std::size_t work) {
    work_ += work;
    if (work_ > work_limit) fail("contains more objects than any checkpoint");
  }

  std::span<const std::byte> take_bytes(std::uint64_t count) {
    if (count > rest_.size()) fail("is truncated");
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  template <typename Number>
  Number take() {
    Number number;
    std::memcpy(&number, take_bytes(sizeof number).data(), sizeof number);
    return number;
  }
  std::string_view text(std::uint64_t size) {
    const auto bytes = take_bytes(size);
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
  }
  std::string_view line() {
    const auto end = std::find(rest_.begin(), rest_.end(), std::byte{'\n'});
    if (end == rest_.end()) fail("is truncated");
    const std::string_view content = text(static_cast<std::uint64_t>(end - rest_.begin()));
    take<std::uint8_t>();
    return content;
  }
  void skip(std::uint64_t size, Value instead) {
    take_bytes(size);
    push(instead);
  }
  Value long_integer(std::uint64_t size) {
    const auto bytes = take_bytes(size);
    if (bytes.empty()) return std::int64_t{0};
    if (bytes.size() > 8) return Inert{};
    const bool negative = std::to_integer<int>(bytes.back()) >= 0x80;
    std::int64_t number = negative ? -1 : 0;
    std::memcpy(&number, bytes.data(), bytes.size());
    return number;
  }

  void push(Value value) { stack_.push_back(value); }
  const Value &top() const {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("reads from an empty stack");
    return stack_.back();
  }
  Value pop() {
    const Value value = top();
    stack_.pop_back();
    return value;
  }
  void drop() { pop(); }
  std::vector<Value> pop_to_mark() {
    if (marks_.empty()) fail("reads from an empty stack");
    const auto start = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<Value> values(start, stack_.end());
    stack_.erase(start, stack_.end());
    marks_.pop_back();
    return values;
  }
  void replace_mark(Value instead) {
    pop_to_mark();
    push(instead);
  }

  List *new_list(std::vector<Value> values) { return &objects_.lists.emplace_back(List{std::move(values)}); }
  Dict *new_dict() { return &objects_.dicts.emplace_back(); }

  void push_tuple(std::size_t size) {
    std::vector<Value> values(size);
    for (auto value = values.rbegin(); value != values.rend(); ++value) *value = pop();
    push(new_list(std::move(values)));
  }
  void push_dict() {
    const std::vector<Value> values = pop_to_mark();
    push(new_dict());
    set_items(values);
  }
  void append(const std::vector<Value> &values) {
    if (List *const *list = std::get_if<List *>(&top())) {
      (*list)->values.insert((*list)->values.end(), values.begin(), values.end());
    }
  }
  void set_item() {
    const Value value = pop();
    const Value key = pop();
    set_items({key, value});
  }
  void set_items(const std::vector<Value> &values) {
    if (values.size() % 2 != 0) fail("has a key without a value");
    Dict *const *dict = std::get_if<Dict *>(&top());
    for (std::size_t i = 0; dict != nullptr && i < values.size(); i += 2) {
      (*dict)->items.emplace_back(values[i], values[i + 1]);
    }
  }

  const Value &remembered(std::uint32_t index) const {
    const auto found = memo_.find(index);
    if (found == memo_.end()) fail("reads from an empty stack");
    return found->second;
  }

  void import_by_lines() {
    const std::string_view module = line();
    const std::string_view name = line();
    push(global(module, name));
  }
  void import_by_stack() {
    const Value name = pop();
    const Value module = pop();
    const auto *name_text = std::get_if<std::string_view>(&name);
    const auto *module_text = std::get_if<std::string_view>(&module);
    if (name_text == nullptr || module_text == nullptr) fail("imports something without a name");
    push(global(*module_text, *name_text));
  }

  void call() {
    const Value arguments = pop();
    const Value callable = pop();
    const auto *known = std::get_if<Callable>(&callable);
    List *const *list = std::get_if<List *>(&arguments);
    if (known == nullptr || list == nullptr) {
      push(Inert{});
      return;
    }
    const std::vector<Value> &values = (*list)->values;
    switch (known->kind) {
      case Callable::Kind::MakeDict:
        push(dict_of(values));
        break;
      case Callable::Kind::RebuildTensor:
        push(tensor_of(values));
        break;
      case Callable::Kind::RebuildParameter:
        push(values.empty() ? Value{} : values[0]);
        break;
      case Callable::Kind::StorageType:
        push(Inert{});
        break;
    }
  }

  // Python 2 passes the items of an OrderedDict as a list of pairs.
  Value dict_of(const std::vector<Value> &arguments) {
    Dict *dict = new_dict();
    List *const *pairs = arguments.empty() ? nullptr : std::get_if<List *>(&arguments[0]);
    if (pairs == nullptr) return dict;
    spend((*pairs)->values.size());
    for (const Value &value : (*pairs)->values) {
      List *const *pair = std::get_if<List *>(&value);
      if (pair != nullptr && (*pair)->values.size() == 2) {
        dict->items.emplace_back((*pair)->values[0], (*pair)->values[1]);
      }
    }
    return dict;
  }

  // _rebuild_tensor_v2(storage, offset, shape, strides, ...). A tensor with an ignored storage is ignored,
  // too.
  Value tensor_of(const std::vector<Value> &arguments) {
    if (arguments.size() < 4) fail("has a tensor without a shape");
    Storage *const *storage = std::get_if<Storage *>(&arguments[0]);
    if (storage == nullptr) return Inert{};
    Tensor tensor{*storage, natural(arguments[1]), naturals(arguments[2]), naturals(arguments[3])};
    if (tensor.shape.size() != tensor.strides.size()) fail("has a tensor whose strides do not fit its shape");
    return &objects_.tensors.emplace_back(std::move(tensor));
  }

  // ("storage", type, key, device, elements[, view of (key, start, elements)])
  Value persistent(const Value &id) {
    List *const *list = std::get_if<List *>(&id);
    if (list == nullptr || (*list)->values.size() < 5) return Inert{};
    const std::vector<Value> &values = (*list)->values;
    const auto *type = std::get_if<Callable>(&values[1]);
    const auto *key = std::get_if<std::string_view>(&values[2]);
    if (type == nullptr || type->kind != Callable::Kind::StorageType || key == nullptr) return Inert{};
    Storage storage{*key, type->dtype, natural(values[4]), 0, natural(values[4])};
    List *const *view = values.size() > 5 ? std::get_if<List *>(&values[5]) : nullptr;
    if (view != nullptr) {
      if ((*view)->values.size() != 3) fail("has an invalid storage view");
      storage.view_start = natural((*view)->values[1]);
      storage.view_elements = natural((*view)->values[2]);
      if (storage.view_start > storage.elements ||
          storage.view_elements > storage.elements - storage.view_start) {
        fail("has a view that exceeds its storage");
      }
    }
    return &objects_.storages.emplace_back(storage);
  }

  std::int64_t natural(const Value &value) const {
    const auto *number = std::get_if<std::int64_t>(&value);
    if (number == nullptr || *number < 0)
      fail("has a size, an offset or a stride that is not a natural number");
    return *number;
  }
  std::vector<std::int64_t> naturals(const Value &value) const {
    List *const *list = std::get_if<List *>(&value);
    if (list == nullptr || (*list)->values.size() > rank_limit) fail("has a tensor without a usable shape");
    std::vector<std::int64_t> numbers;
    numbers.reserve((*list)->values.size());
    for (const Value &element : (*list)->values) numbers.push_back(natural(element));
    return numbers;
  }

  std::span<const std::byte> rest_;
  Objects &objects_;
  const std::string &file_;
  std::size_t work_ = 0;
  std::vector<Value> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, Value> memo_;
};

}  // namespace

Value run(std::span<const std::byte> &bytes, Objects &objects, const std::string &file) {
  Machine machine(bytes, objects, file);
  const Value result = machine.run();
  bytes = machine.rest();
  return result;
}

}  // namespace uniad::pickle
