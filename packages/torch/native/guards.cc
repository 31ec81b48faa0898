// Checks on the operators' boundary, of the arguments that libtorch trusts. The large tensors of a training meet none:
// guards are for named operators, and look at values only where those are integers that end the process.
#include "guards.h"

#include <ATen/core/List.h>
#include <ATen/ops/result_type.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "guards_values.h"
#include "version.h"

namespace {

constexpr int64_t largestCount = std::numeric_limits<int32_t>::max();
constexpr double largestDegree = 65536;

// The arguments of one call by their schema's names.
struct Arguments {
  const c10::FunctionSchema& schema;
  const c10::Stack& stack;

  const c10::IValue& operator[](const char* name) const {
    static const c10::IValue none;
    for (size_t i = 0; i < schema.arguments().size(); i++)
      if (schema.arguments()[i].name() == name) return stack[i];
    return none;
  }
  const std::string& name() const { return schema.name(); }
};

// One integer or a list of them.
std::vector<int64_t> integers(const c10::IValue& value) {
  if (value.isInt()) return {value.toInt()};
  if (value.isIntList()) return value.toIntVector();
  return {};
}

void checkDegree(const Arguments& arguments) {
  const c10::IValue& n = arguments["n"];
  const double largest = n.isTensor() ? guards::largestOf(n.toTensor()) : n.isScalar() ? n.toScalar().toDouble() : 0;
  TORCH_CHECK(!(largest > largestDegree), "expected a degree n of at most ", largestDegree,
              ", as the polynomial takes n steps for each element, got ", largest);
}

void checkSorter(const Arguments& arguments) {
  const c10::IValue& sorter = arguments["sorter"];
  const c10::IValue& sequence = arguments["sorted_sequence"];
  if (!sorter.isTensor() || !sequence.isTensor() || sorter.toTensor().numel() == 0) return;
  const int64_t size = sorter.toTensor().dim() > 0 ? sorter.toTensor().size(-1) : 1;
  const auto [least, most] = guards::extremesOf(sorter.toTensor());
  TORCH_CHECK(least >= 0 && most < size, "sorter index out of range: expected 0 to ", size - 1, ", got ", least < 0 ? least : most);
}

void checkLengths(const char* what, const std::vector<int64_t>& lengths, int64_t batch, int64_t most) {
  TORCH_CHECK(static_cast<int64_t>(lengths.size()) == batch, "expected ", batch, " ", what, ", one for each sequence, got ", lengths.size());
  for (const int64_t length : lengths)
    TORCH_CHECK(length >= 0 && length <= most, what, ": expected 0 to ", most, ", got ", length);
}

std::vector<int64_t> lengthsOf(const c10::IValue& value) {
  return value.isTensor() ? guards::integersOf(value.toTensor()) : integers(value);
}

// Targets [batch, longest] or all in a row; probabilities [time, batch, classes], or [time, classes] without a batch.
void checkCtc(const Arguments& arguments) {
  const at::Tensor& probabilities = arguments["log_probs"].toTensor();
  const at::Tensor& targets = arguments["targets"].toTensor();
  TORCH_CHECK(probabilities.dim() == 3 || probabilities.dim() == 2, "expected log_probs [time, batch, classes], got ", probabilities.sizes());
  TORCH_CHECK(targets.dim() == 1 || targets.dim() == 2, "expected targets of one or two dimensions, got ", targets.sizes());
  TORCH_CHECK(guards::isIntegral(targets), "expected targets of integers, got ", targets.scalar_type());
  const int64_t batch = probabilities.dim() == 3 ? probabilities.size(1) : 1, classes = probabilities.size(-1);
  TORCH_CHECK(probabilities.numel() > 0, "expected log_probs with elements, got ", probabilities.sizes());
  TORCH_CHECK(targets.dim() == 1 || targets.size(0) == batch, "expected targets of ", batch, " sequences, got ", targets.sizes());
  const auto lengths = lengthsOf(arguments["target_lengths"]);
  checkLengths("input_lengths", lengthsOf(arguments["input_lengths"]), batch, probabilities.size(0));
  checkLengths("target_lengths", lengths, batch, targets.size(-1));
  int64_t sum = 0;
  for (const int64_t length : lengths) sum += length;
  TORCH_CHECK(targets.dim() == 2 || sum <= targets.numel(), "target_lengths have the sum ", sum, ", more than the ", targets.numel(), " targets");
  if (targets.numel() == 0) return;
  const auto [least, most] = guards::extremesOf(targets);
  TORCH_CHECK(least >= 0 && most < classes, "targets: expected classes 0 to ", classes - 1, ", got ", least < 0 ? least : most);
}

void checkNotEmpty(const Arguments& arguments) {
  for (const auto& value : arguments.stack)
    TORCH_CHECK(!value.isTensorList() || !value.toListRef().empty(), "expected at least one tensor, got an empty list");
}

void checkChannels(const Arguments& arguments) {
  const at::Tensor& self = arguments["self"].toTensor();
  const int64_t groups = arguments["groups"].toInt();
  TORCH_CHECK(self.dim() > 2, "expected an input of more than two dimensions, got ", self.sizes());
  TORCH_CHECK(groups > 0 && self.size(1) > 0 && self.size(1) % groups == 0, "expected channels that groups divide, got ", self.size(1),
              " channels and ", groups, " groups");
}

void checkBlocks(const Arguments& arguments) {
  const auto blocks = integers(arguments["blocksize"]);
  TORCH_CHECK(blocks.size() == 2 && blocks[0] > 0 && blocks[1] > 0, "expected a blocksize of two positive integers, got ", blocks);
}

// Gates come from chunks of the weights' rows: fewer rows than gates are fewer chunks than libtorch reads.
void checkGates(const Arguments& arguments, int64_t gates) {
  const auto checkRows = [&](const at::Tensor& weight) {
    TORCH_CHECK(!weight.defined() || (weight.dim() > 0 && weight.size(0) > 0 && weight.size(0) % gates == 0),
                "expected weights and biases of ", gates, " × hidden size rows, got ", weight.sizes());
  };
  for (const char* name : {"w_ih", "w_hh", "b_ih", "b_hh"})
    if (arguments[name].isTensor()) checkRows(arguments[name].toTensor());
  if (arguments["params"].isTensorList())
    for (const at::Tensor& weight : arguments["params"].toTensorVector()) checkRows(weight);
}

void checkGru(const Arguments& arguments) { checkGates(arguments, 3); }
void checkLstm(const Arguments& arguments) { checkGates(arguments, 4); }

void checkUnpooling(const Arguments& arguments) {
  const size_t dims = arguments.name().back() == '2' || arguments.name().find("2d") != std::string::npos ? 2 : 3;
  for (const char* name : {"output_size", "stride", "padding"})
    if (arguments[name].isIntList())
      TORCH_CHECK(arguments[name].toIntVector().size() == dims, "expected ", dims, " integers as ", name, ", got ", arguments[name].toIntVector());
}

void checkHistogram(const Arguments& arguments) {
  const at::Tensor& self = arguments["self"].toTensor();
  TORCH_CHECK(self.dim() > 1, "expected an input of at least two dimensions, got ", self.sizes());
  const auto dims = static_cast<size_t>(self.size(-1));
  const c10::IValue& bins = arguments["bins"];
  const c10::IValue& range = arguments["range"];
  const size_t given = bins.isTensorList() ? bins.toListRef().size() : bins.isIntList() ? bins.toIntVector().size() : dims;
  TORCH_CHECK(given == dims, "expected bins for each of the ", dims, " dimensions, got ", given);
  TORCH_CHECK(!range.isDoubleList() || range.toDoubleVector().size() == 2 * dims, "expected a range of ", 2 * dims, " numbers");
}

void checkBags(const Arguments& arguments) {
  const at::Tensor& indices = arguments["indices"].toTensor();
  const at::Tensor& offsets = arguments["offsets"].toTensor();
  const at::Tensor& weight = arguments["weight"].toTensor();
  TORCH_CHECK(weight.dim() == 2, "expected a weight of two dimensions, got ", weight.sizes());
  TORCH_CHECK(indices.dim() == 1 && offsets.dim() == 1, "expected indices and offsets of one dimension, got ", indices.sizes(), " and ", offsets.sizes());
  const c10::IValue& perSample = arguments["per_sample_weights"];
  TORCH_CHECK(!perSample.isTensor() || perSample.toTensor().sizes() == indices.sizes(), "expected per_sample_weights ", indices.sizes());
  const int64_t bags = offsets.numel() - (arguments["include_last_offset"].isBool() && arguments["include_last_offset"].toBool() ? 1 : 0);
  TORCH_CHECK(bags >= 0, "expected offsets with the last one, got none");
  if (!guards::isIntegral(offsets) || offsets.numel() == 0) return;
  int64_t before = 0;
  for (const int64_t offset : guards::integersOf(offsets)) {
    TORCH_CHECK(offset >= before && offset <= indices.numel(), "offsets: expected numbers from 0 to ", indices.numel(), " that do not fall, got ",
                offset, " after ", before);
    before = offset;
  }
}

void checkRepeats(const Arguments& arguments) {
  if (!arguments["self"].isTensor() || !arguments["repeats"].isInt()) return;
  int64_t product;
  TORCH_CHECK(!__builtin_mul_overflow(arguments["self"].toTensor().numel(), arguments["repeats"].toInt(), &product), "too many repeats: ",
              arguments["repeats"].toInt());
}

// |−2⁶³| is no int64; libtorch divides by what the overflow leaves.
void checkMultiple(const Arguments& arguments) {
  const at::Tensor& self = arguments["self"].toTensor();
  const at::Tensor& other = arguments["other"].toTensor();
  const auto type = at::result_type(self, other);
  for (const at::Tensor& operand : {self, other})
    TORCH_CHECK(!guards::hasLeast(operand, type), "expected integers with an absolute value in ", type, ", got the least one");
}

using Check = void (*)(const Arguments&);

struct Named {
  const char* prefix;  // "polynomial*" fits names that begin so; without the star, the whole name and its in-place form
  Check check;
};

constexpr Named named[] = {
    {"special_chebyshev_polynomial_*", checkDegree},
    {"special_shifted_chebyshev_polynomial_*", checkDegree},
    {"special_hermite_polynomial_*", checkDegree},
    {"special_laguerre_polynomial_*", checkDegree},
    {"special_legendre_polynomial_*", checkDegree},
    {"searchsorted", checkSorter},
    {"ctc_loss", checkCtc},
    {"align_tensors", checkNotEmpty},
    {"channel_shuffle", checkChannels},
    {"native_channel_shuffle", checkChannels},
    {"to_sparse_bsr", checkBlocks},
    {"to_sparse_bsc", checkBlocks},
    {"gru", checkGru},
    {"gru_cell", checkGru},
    {"lstm", checkLstm},
    {"lstm_cell", checkLstm},
    {"max_unpool2d", checkUnpooling},
    {"max_unpool3d", checkUnpooling},
    {"histogramdd", checkHistogram},
    {"embedding_bag", checkBags},
    {"repeat_interleave", checkRepeats},
    {"lcm", checkMultiple},
};

// Without the namespace and the underscore of in-place operators: "aten::lcm_" → "lcm".
std::string baseName(const c10::FunctionSchema& schema) {
  std::string name = schema.name().substr(schema.name().find("::") + 2);
  if (!name.empty() && name.back() == '_') name.pop_back();
  return name;
}

bool fits(const std::string& name, const std::string& pattern) {
  if (pattern.back() != '*') return name == pattern;
  return name.compare(0, pattern.size() - 1, pattern, 0, pattern.size() - 1) == 0;
}

int checkOf(const c10::FunctionSchema& schema) {
  const std::string name = baseName(schema);
  for (size_t i = 0; i < std::size(named); i++)
    if (fits(name, named[i].prefix)) return static_cast<int>(i);
  return -1;
}

bool hasArgument(const c10::FunctionSchema& schema, const char* name) {
  return std::any_of(schema.arguments().begin(), schema.arguments().end(), [&](const auto& argument) { return argument.name() == name; });
}

// Numbers that libtorch multiplies without looking for an overflow, and then divides by.
std::vector<int> countsOf(const c10::FunctionSchema& schema, std::initializer_list<const char*> names) {
  std::vector<int> found;
  for (size_t i = 0; i < schema.arguments().size(); i++)
    for (const char* name : names)
      if (schema.arguments()[i].name() == name) found.push_back(static_cast<int>(i));
  return found;
}

void checkCounts(const Op& op, const c10::Stack& stack) {
  const auto& arguments = op.handle.schema().arguments();
  for (const int i : op.guards.counts)
    for (const int64_t count : integers(stack[i]))
      TORCH_CHECK(count >= -largestCount && count <= largestCount, arguments[i].name(), ": expected at most ", largestCount, ", got ", count);
  for (const int i : op.guards.positive)
    for (const int64_t count : integers(stack[i]))
      TORCH_CHECK(count > 0, arguments[i].name(), ": expected positive integers, got ", count);
}

}  // namespace

Guards guards::find(const c10::FunctionSchema& schema) {
  Guards found;
  found.check = checkOf(schema);
  found.divides = dividesIntegers(schema);
  found.counts = countsOf(schema, {"kernel_size", "padding", "output_padding", "dilation", "groups", "chunks", "upscale_factor", "downscale_factor",
                                   "sections"});
  found.positive = countsOf(schema, {"kernel_size", "dilation"});
  if (hasArgument(schema, "kernel_size") || hasArgument(schema, "weight")) {
    for (const int i : countsOf(schema, {"stride", "groups"})) found.positive.push_back(i);
    for (const int i : countsOf(schema, {"stride"})) found.counts.push_back(i);
  }
  found.any = found.check >= 0 || found.divides || !found.counts.empty();
  return found;
}

const c10::OperatorHandle& guards::check(const Op& op, c10::Stack& stack) {
  checkCounts(op, stack);
  if (op.guards.check >= 0) named[op.guards.check].check({op.handle.schema(), stack});
  if (op.guards.divides) return divideSafely(op, stack);
  return op.handle;
}
