// Checks on the operators' boundary, of the arguments that libtorch trusts. The large tensors of a training meet none:
// guards are for named operators and for short lists of integers, and look at values only where those are integers that
// end the process.
#include "guards.h"

#include <algorithm>
#include <limits>

#include "guards_named.h"
#include "guards_values.h"

namespace {

constexpr int64_t largestCount = std::numeric_limits<int32_t>::max();
// Of chunks and sections: no call can return more tensors.
constexpr int64_t mostPieces = int64_t{1} << 17;

bool hasArgument(const c10::FunctionSchema& schema, const char* name) {
  return std::any_of(schema.arguments().begin(), schema.arguments().end(), [&](const auto& argument) { return argument.name() == name; });
}

void addCounts(std::vector<Guards::Count>& counts, const c10::FunctionSchema& schema, std::initializer_list<const char*> names, int64_t least, int64_t most) {
  for (size_t i = 0; i < schema.arguments().size(); i++)
    for (const char* name : names)
      if (schema.arguments()[i].name() == name) counts.push_back({static_cast<int>(i), least, most});
}

// Numbers that libtorch multiplies without looking for an overflow, and then divides by or counts to.
std::vector<Guards::Count> countsOf(const c10::FunctionSchema& schema) {
  std::vector<Guards::Count> counts;
  addCounts(counts, schema, {"kernel_size", "dilation"}, 1, largestCount);
  addCounts(counts, schema, {"padding", "output_padding", "upscale_factor", "downscale_factor"}, -largestCount, largestCount);
  addCounts(counts, schema, {"chunks", "sections"}, -mostPieces, mostPieces);
  if (hasArgument(schema, "kernel_size") || hasArgument(schema, "weight")) addCounts(counts, schema, {"stride", "groups"}, 1, largestCount);
  else addCounts(counts, schema, {"groups"}, -largestCount, largestCount);
  return counts;
}

// The lists of fixed length: `int[2] padding`. A list of one may stand for two or three equal ones, as in
// PyTorch, but for pads, whose numbers are of different sides. An empty list is right where it is the default.
std::vector<Guards::Length> lengthsOfLists(const c10::FunctionSchema& schema) {
  std::vector<Guards::Length> lengths;
  const std::string name = guards::baseName(schema);
  const bool isPad = name.find("_pad") != std::string::npos;
  for (size_t i = 0; i < schema.arguments().size(); i++) {
    const auto& argument = schema.arguments()[i];
    if (!argument.N() || *argument.N() < 2 || argument.type()->kind() != c10::TypeKind::ListType) continue;
    const auto& standard = argument.default_value();
    const bool mayBeEmpty = standard && standard->isIntList() && standard->toIntVector().empty();
    lengths.push_back({static_cast<int>(i), static_cast<size_t>(*argument.N()), !isPad, mayBeEmpty});
  }
  return lengths;
}

// The lists of tensors that are worked on side by side.
std::vector<int> pairedLists(const c10::FunctionSchema& schema) {
  std::vector<int> lists;
  if (guards::baseName(schema).compare(0, 9, "_foreach_") != 0) return lists;
  for (size_t i = 0; i < schema.arguments().size(); i++)
    if (schema.arguments()[i].type()->kind() == c10::TypeKind::ListType) lists.push_back(static_cast<int>(i));
  if (lists.size() < 2) lists.clear();
  return lists;
}

// Without a copy of the list: convolutions come here often.
void checkCounts(const Op& op, const c10::Stack& stack) {
  for (const auto& bounds : op.guards.counts) {
    const auto checkOne = [&](int64_t count) {
      TORCH_CHECK(count >= bounds.least && count <= bounds.most, op.handle.schema().arguments()[bounds.argument].name(),
                  ": expected integers from ", bounds.least, " to ", bounds.most, ", got ", count);
    };
    const c10::IValue& value = stack[bounds.argument];
    if (value.isInt()) checkOne(value.toInt());
    else if (value.isIntList())
      for (const c10::IValue& item : value.toListRef()) checkOne(item.toInt());
  }
}

void checkLengthsOfLists(const Op& op, const c10::Stack& stack) {
  for (const auto& [i, length, mayBeOne, mayBeEmpty] : op.guards.lengths) {
    if (!stack[i].isIntList()) continue;
    const size_t given = stack[i].toListRef().size();
    TORCH_CHECK(given == length || (given == 1 && mayBeOne) || (given == 0 && mayBeEmpty), op.handle.schema().arguments()[i].name(), ": expected ",
                length, " integers, got ", given);
  }
}

void checkPairedLists(const Op& op, const c10::Stack& stack) {
  const auto lengthOf = [&](int i) { return stack[i].isList() ? static_cast<int64_t>(stack[i].toListRef().size()) : int64_t{-1}; };
  int64_t first = -1;
  for (const int i : op.guards.paired) {
    const int64_t length = lengthOf(i);
    if (length < 0) continue;
    TORCH_CHECK(first < 0 || length == first, "expected lists of equal length, got ", first, " and ", length, " (",
                op.handle.schema().arguments()[i].name(), ")");
    first = length;
  }
}

}  // namespace

Guards guards::find(const c10::FunctionSchema& schema) {
  Guards found;
  found.check = namedCheck(schema);
  found.divides = dividesIntegers(schema);
  found.counts = countsOf(schema);
  found.lengths = lengthsOfLists(schema);
  found.paired = pairedLists(schema);
  found.any = found.check >= 0 || found.divides || !found.counts.empty() || !found.lengths.empty() || !found.paired.empty();
  return found;
}

const c10::OperatorHandle& guards::check(const Op& op, c10::Stack& stack) {
  checkCounts(op, stack);
  checkLengthsOfLists(op, stack);
  checkPairedLists(op, stack);
  if (op.guards.check >= 0) runNamedCheck(op.guards.check, op.handle.schema(), stack);
  if (op.guards.divides) return divideSafely(op, stack);
  return op.handle;
}
