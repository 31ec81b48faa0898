// The operators that are known to trust their arguments, and what each is checked for. Values are looked at on the CPU
// only: kernels of other devices stop at a bad index by themselves, and reading there would wait for the device.
#include "guards_named.h"

#include <ATen/ops/result_type.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "guards_values.h"
#include "version.h"

namespace {

constexpr double largestDegree = 65536;
constexpr double beyondInt64 = 9223372036854775808.0;

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
  // A tensor that is there, or null.
  const at::Tensor* tensor(const char* name) const {
    const c10::IValue& value = (*this)[name];
    return value.isTensor() && value.toTensor().defined() ? &value.toTensor() : nullptr;
  }
};

void checkDegree(const Arguments& arguments) {
  const c10::IValue& n = arguments["n"];
  const double largest = n.isTensor() ? guards::largestOf(n.toTensor()) : n.isScalar() ? n.toScalar().toDouble() : 0;
  TORCH_CHECK(!(largest > largestDegree), "expected a degree n of at most ", largestDegree,
              ", as the polynomial takes n steps for each element, got ", largest);
}

void checkSorter(const Arguments& arguments) {
  const at::Tensor* sorter = arguments.tensor("sorter");
  if (sorter == nullptr) return;
  const int64_t size = sorter->dim() > 0 ? sorter->size(-1) : 1;
  const auto extremes = guards::extremesOf(*sorter);
  if (!extremes) return;
  TORCH_CHECK(extremes->first >= 0 && extremes->second < size, "sorter index out of range: expected 0 to ", size - 1, ", got ",
              extremes->first < 0 ? extremes->first : extremes->second);
}

using Integers = std::vector<int64_t>;

Optional<Integers> lengthsOf(const c10::IValue& value) {
  if (value.isTensor()) return guards::integersOf(value.toTensor());
  return guards::integers(value);
}

void checkLengths(const char* what, const Integers& lengths, int64_t batch, int64_t most) {
  TORCH_CHECK(static_cast<int64_t>(lengths.size()) == batch, "expected ", batch, " ", what, ", one for each sequence, got ", lengths.size());
  for (const int64_t length : lengths)
    TORCH_CHECK(length >= 0 && length <= most, what, ": expected 0 to ", most, ", got ", length);
}

// The targets that are within the lengths: [batch, longest] with any padding, or all in a row.
void checkTargets(const at::Tensor& targets, const Integers& lengths, int64_t classes) {
  const auto values = guards::integersOf(targets);
  if (!values) return;
  const size_t stride = targets.dim() == 2 ? static_cast<size_t>(targets.size(1)) : 0;
  size_t at = 0;
  for (size_t sequence = 0; sequence < lengths.size(); sequence++) {
    if (stride > 0) at = sequence * stride;
    for (int64_t i = 0; i < lengths[sequence]; i++, at++)
      TORCH_CHECK((*values)[at] >= 0 && (*values)[at] < classes, "targets: expected classes 0 to ", classes - 1, ", got ", (*values)[at]);
  }
}

// Probabilities [time, batch, classes], or [time, classes] without a batch.
void checkCtc(const Arguments& arguments) {
  const at::Tensor& probabilities = arguments["log_probs"].toTensor();
  const at::Tensor& targets = arguments["targets"].toTensor();
  TORCH_CHECK(probabilities.dim() == 3 || probabilities.dim() == 2, "expected log_probs [time, batch, classes], got ", probabilities.sizes());
  TORCH_CHECK(probabilities.numel() > 0, "expected log_probs with elements, got ", probabilities.sizes());
  TORCH_CHECK(targets.dim() == 1 || targets.dim() == 2, "expected targets of one or two dimensions, got ", targets.sizes());
  TORCH_CHECK(guards::isIntegral(targets), "expected targets of integers, got ", targets.scalar_type());
  const int64_t batch = probabilities.dim() == 3 ? probabilities.size(1) : 1;
  TORCH_CHECK(targets.dim() == 1 || targets.size(0) == batch, "expected targets of ", batch, " sequences, got ", targets.sizes());
  const auto inputs = lengthsOf(arguments["input_lengths"]);
  const auto lengths = lengthsOf(arguments["target_lengths"]);
  if (!inputs || !lengths) return;
  checkLengths("input_lengths", *inputs, batch, probabilities.size(0));
  checkLengths("target_lengths", *lengths, batch, targets.size(-1));
  int64_t sum = 0;
  for (const int64_t length : *lengths) sum += length;
  TORCH_CHECK(targets.dim() == 2 || sum <= targets.numel(), "target_lengths have the sum ", sum, ", more than the ", targets.numel(), " targets");
  checkTargets(targets, *lengths, probabilities.size(-1));
}

void checkNotEmpty(const Arguments& arguments) {
  for (const auto& value : arguments.stack)
    TORCH_CHECK(!value.isTensorList() || !value.toListRef().empty(), "expected at least one tensor, got an empty list");
}

void checkChannels(const Arguments& arguments) {
  const at::Tensor& self = arguments["self"].toTensor();
  const int64_t groups = arguments["groups"].toInt();
  TORCH_CHECK(self.dim() > 2 && self.numel() > 0, "expected an input of more than two dimensions with elements, got ", self.sizes());
  TORCH_CHECK(groups > 0 && self.size(1) % groups == 0, "expected channels that groups divide, got ", self.size(1), " channels and ", groups,
              " groups");
}

void checkBlocks(const Arguments& arguments) {
  for (const int64_t block : guards::integers(arguments["blocksize"])) TORCH_CHECK(block > 0, "expected positive blocksizes, got ", block);
}

// Gates come from chunks of the weights' rows: fewer rows than gates are fewer chunks than libtorch reads.
void checkGates(const at::Tensor& weight, int64_t gates) {
  TORCH_CHECK(!weight.defined() || (weight.dim() > 0 && weight.size(0) > 0 && weight.size(0) % gates == 0), "expected weights and biases of ",
              gates, " × hidden size rows, got ", weight.sizes());
}

void checkCell(const Arguments& arguments, int64_t gates) {
  for (const char* name : {"w_ih", "w_hh", "b_ih", "b_hh"})
    if (const at::Tensor* weight = arguments.tensor(name)) checkGates(*weight, gates);
}

// The sequences of a packed batch that go on at each step.
void checkBatchSizes(const Arguments& arguments) {
  const at::Tensor* sizes = arguments.tensor("batch_sizes");
  const at::Tensor* data = arguments.tensor("data");
  if (sizes == nullptr || data == nullptr) return;
  TORCH_CHECK(sizes->dim() == 1 && sizes->numel() > 0 && data->dim() > 0, "expected batch_sizes of one dimension with elements, got ", sizes->sizes());
  const auto values = guards::integersOf(*sizes);
  if (!values) return;
  int64_t sum = 0, before = data->size(0);
  for (const int64_t size : *values) {
    TORCH_CHECK(size > 0 && size <= before, "batch_sizes: expected positive integers that do not rise, got ", size, " after ", before);
    sum += before = size;
  }
  TORCH_CHECK(sum == data->size(0), "batch_sizes: expected the sum ", data->size(0), ", the rows of the data, got ", sum);
}

void checkGru(const Arguments& arguments) {
  checkBatchSizes(arguments);
  checkCell(arguments, 3);
  if (!arguments["params"].isTensorList()) return;
  for (const c10::IValue& weight : arguments["params"].toListRef()) checkGates(weight.toTensor(), 3);
}

// Hidden and cell states of two sizes: the last weight of each layer projects, and has as many rows as it gives.
bool hasProjections(const c10::IValue& states) {
  if (!states.isTensorList() || states.toListRef().size() != 2) return false;
  const at::Tensor& hidden = states.toListRef()[0].toTensor();
  const at::Tensor& cell = states.toListRef()[1].toTensor();
  return hidden.dim() > 0 && cell.dim() > 0 && hidden.size(-1) != cell.size(-1);
}

void checkLstm(const Arguments& arguments) {
  checkBatchSizes(arguments);
  checkCell(arguments, 4);
  if (!arguments["params"].isTensorList()) return;
  const auto params = arguments["params"].toListRef();
  const size_t own = arguments["has_biases"].toBool() ? 4 : 2;
  const size_t layer = hasProjections(arguments["hx"]) ? own + 1 : own;
  for (size_t i = 0; i < params.size(); i++)
    if (i % layer < own) checkGates(params[i].toTensor(), 4);
}

void checkHistogram(const Arguments& arguments) {
  const at::Tensor& self = arguments["self"].toTensor();
  TORCH_CHECK(self.dim() > 1, "expected an input of at least two dimensions, got ", self.sizes());
  const auto dims = static_cast<size_t>(self.size(-1));
  const c10::IValue& bins = arguments["bins"];
  const c10::IValue& range = arguments["range"];
  const size_t given = bins.isTensorList() ? bins.toListRef().size() : bins.isIntList() ? bins.toListRef().size() : dims;
  TORCH_CHECK(given == dims, "expected bins for each of the ", dims, " dimensions, got ", given);
  TORCH_CHECK(!range.isDoubleList() || range.toListRef().size() == 2 * dims, "expected a range of ", 2 * dims, " numbers");
}

// Offsets of one row, or of each of several rows.
void checkOffsets(const at::Tensor& offsets, int64_t most) {
  const auto values = guards::integersOf(offsets);
  if (!values || values->empty()) return;
  const auto row = static_cast<size_t>(offsets.size(-1));
  for (size_t i = 0; i < values->size(); i++) {
    const int64_t offset = (*values)[i], before = i % row == 0 ? 0 : (*values)[i - 1];
    TORCH_CHECK(offset >= before && offset <= most, "offsets: expected integers from 0 to ", most, " that do not fall, got ", offset, " after ",
                before);
  }
}

void checkBags(const Arguments& arguments) {
  const at::Tensor& indices = arguments["indices"].toTensor();
  const at::Tensor& offsets = arguments["offsets"].toTensor();
  const at::Tensor& weight = arguments["weight"].toTensor();
  TORCH_CHECK(weight.dim() == 2, "expected a weight of two dimensions, got ", weight.sizes());
  TORCH_CHECK(indices.dim() == 1 && offsets.dim() == 1, "expected indices and offsets of one dimension, got ", indices.sizes(), " and ", offsets.sizes());
  const at::Tensor* perSample = arguments.tensor("per_sample_weights");
  TORCH_CHECK(perSample == nullptr || perSample->sizes() == indices.sizes(), "expected per_sample_weights ", indices.sizes());
  const int64_t bags = offsets.numel() - (arguments["include_last_offset"].isBool() && arguments["include_last_offset"].toBool() ? 1 : 0);
  TORCH_CHECK(bags >= 0, "expected offsets with the last one, got none");
  checkOffsets(offsets, indices.numel());
}

// The result is allocated before the repeats are added up.
void checkRepeats(const Arguments& arguments) {
  const c10::IValue& repeats = arguments["repeats"];
  const at::Tensor* self = arguments.tensor("self");
  int64_t product = 0;
  if (self != nullptr && repeats.isInt())
    TORCH_CHECK(!__builtin_mul_overflow(self->numel(), repeats.toInt(), &product), "too many repeats: ", repeats.toInt());
  if (!repeats.isTensor()) return;
  const auto values = guards::integersOf(repeats.toTensor());
  if (!values) return;
  int64_t sum = 0;
  for (const int64_t repeat : *values)
    TORCH_CHECK(repeat >= 0 && !__builtin_add_overflow(sum, repeat, &sum), "expected repeats of at least 0 whose sum is an int64, got ", repeat);
  const c10::IValue& size = arguments["output_size"];
  const int64_t total = self != nullptr && values->size() == 1 && arguments["dim"].isNone() ? sum * self->numel() : sum;
  TORCH_CHECK(!size.isInt() || values->size() == 1 || size.toInt() == total, "expected output_size ", total, ", the sum of the repeats, got ",
              size.toInt());
}

// |−2⁶³| is no int64; libtorch divides by what the overflow leaves.
void checkMultiple(const Arguments& arguments) {
  const at::Tensor& self = arguments["self"].toTensor();
  const at::Tensor& other = arguments["other"].toTensor();
  const auto type = at::result_type(self, other);
  for (const at::Tensor& operand : {self, other})
    TORCH_CHECK(!guards::hasLeast(operand, type), "expected integers with an absolute value in ", type, ", got the least one");
}

// Statistics and factors are read once for each channel.
void checkBatchNorm(const Arguments& arguments) {
  const at::Tensor& input = arguments["input"].toTensor();
  TORCH_CHECK(input.dim() > 1 && input.numel() > 0, "expected an input of at least two dimensions with elements, got ", input.sizes());
  for (const char* name : {"weight", "bias", "running_mean", "running_var"})
    if (const at::Tensor* each = arguments.tensor(name))
      TORCH_CHECK(each->numel() == input.size(1), name, ": expected ", input.size(1), " elements, one for each channel, got ", each->sizes());
}

void checkGroupNorm(const Arguments& arguments) {
  const at::Tensor& input = arguments["input"].toTensor();
  int64_t elements = 1;
  for (const char* name : {"N", "C", "HxW"}) {
    const int64_t size = arguments[name].toInt();
    TORCH_CHECK(size >= 0 && !__builtin_mul_overflow(elements, size, &elements), "expected sizes whose product is an int64, got ", name, " = ", size);
  }
  TORCH_CHECK(elements == input.numel(), "expected N × C × HxW of ", input.numel(), ", the elements of the input, got ", elements);
  TORCH_CHECK(arguments["C"].toInt() > 0 && arguments["group"].toInt() > 0, "expected positive numbers of channels and groups");
}

void checkQuantizationParameters(const Arguments& arguments) {
  const int64_t elements = arguments["input"].toTensor().numel(), given = arguments["numel"].toInt(), bins = arguments["n_bins"].toInt();
  TORCH_CHECK(given > 0 && given <= elements, "numel: expected 1 to ", elements, ", the elements of the input, got ", given);
  TORCH_CHECK(bins > 0 && bins <= 65536, "n_bins: expected 1 to 65536, got ", bins);
}

void checkNoise(const Arguments& arguments) {
  const at::Tensor& self = arguments["self"].toTensor();
  const at::Tensor& noise = arguments["noise"].toTensor();
  TORCH_CHECK(noise.sizes() == self.sizes() && noise.scalar_type() == self.scalar_type(), "expected noise of the input's shape and type, ",
              self.sizes(), ", got ", noise.sizes());
}

// The next number after the last int64 is looked for by a loop that does not end.
void checkRandom(const Arguments& arguments) {
  const c10::IValue& from = arguments["from"];
  TORCH_CHECK(!from.isInt() || from.toInt() < std::numeric_limits<int64_t>::max(), "from: expected less than the largest int64, got ", from.toInt());
}

void checkCopy(const Arguments& arguments) {
  const at::Tensor& self = arguments["self"].toTensor();
  const at::Tensor& source = arguments["src"].toTensor();
  const auto isSparse = [](const at::Tensor& tensor) { return tensor.layout() != at::kStrided && tensor.layout() != at::kMkldnn; };
  TORCH_CHECK(self.layout() == source.layout() || !(isSparse(self) || isSparse(source)), "expected tensors of one layout, got ", self.layout(), " and ",
              source.layout());
}

// oneDNN's own layout is filled as if all its elements were float32.
void checkZero(const Arguments& arguments) {
  for (const char* name : {"self", "out"})
    if (const at::Tensor* each = arguments.tensor(name))
      TORCH_CHECK(each->layout() != at::kMkldnn || each->scalar_type() == at::kFloat, "expected a oneDNN tensor of float32, got ", each->scalar_type());
}

// Draws are repeated until one is below the count.
void checkBinomial(const Arguments& arguments) {
  TORCH_CHECK(!guards::hasNan(arguments["count"].toTensor()), "expected counts that are numbers, got NaN");
}

// Pixels are read where the scale says, out of the image where the output is larger than the scaled input.
void checkScales(const Arguments& arguments) {
  static constexpr const char* names[3][3] = {{"scales"}, {"scales_h", "scales_w"}, {"scales_d", "scales_h", "scales_w"}};
  const at::Tensor* self = arguments.tensor("self");
  const auto sizes = guards::integers(arguments["output_size"]);
  const auto dims = static_cast<int64_t>(sizes.size());
  if (self == nullptr || dims < 1 || dims > 3 || self->dim() < dims) return;
  for (int64_t i = 0; i < dims; i++) {
    const c10::IValue& scale = arguments[names[dims - 1][i]];
    if (!scale.isDouble() || !(scale.toDouble() > 0)) continue;
    const int64_t from = self->size(self->dim() - dims + i);
    TORCH_CHECK(static_cast<double>(sizes[i]) <= static_cast<double>(from) * scale.toDouble() + 1e-3, names[dims - 1][i], ": expected at least ", sizes[i], " / ",
                from, ", which gives the output size, got ", scale.toDouble());
  }
}

// As many tensors of as many dimensions are made.
void checkCombinations(const Arguments& arguments) {
  TORCH_CHECK(arguments["r"].toInt() <= 64, "r: expected at most 64, got ", arguments["r"].toInt());
}

void checkBins(const Arguments& arguments) {
  const auto extremes = guards::extremesOf(arguments["self"].toTensor());
  TORCH_CHECK(!extremes || extremes->second < std::numeric_limits<int64_t>::max(), "expected less than the largest int64");
}

// A storage over memory of JavaScript's does not grow.
void checkStorage(const Arguments& arguments) {
  const at::Tensor* source = arguments.tensor("source");
  if (source == nullptr || !source->has_storage() || source->storage().resizable() || !arguments["storage_offset"].isInt()) return;
  const auto sizes = guards::integers(arguments["size"]), strides = guards::integers(arguments["stride"]);
  int64_t last = arguments["storage_offset"].toInt();
  for (size_t i = 0; i < sizes.size(); i++) {
    int64_t distance = 0;
    const int64_t stride = i < strides.size() ? strides[i] : 0;
    const bool isSmall = !__builtin_mul_overflow(sizes[i] - 1, stride, &distance) && !__builtin_add_overflow(last, distance, &last);
    TORCH_CHECK(isSmall && strides.size() == sizes.size(), "expected a stride for each size, within the storage, got ", sizes, " and ", strides);
  }
  const auto elements = static_cast<int64_t>(source->storage().nbytes() / source->element_size());
  TORCH_CHECK(last < elements, "expected sizes and strides within the storage of ", elements, " elements, which cannot grow, got element ", last);
}

void checkDtypeView(const Arguments& arguments) {
  TORCH_CHECK(arguments["dtype"].isNone() || !arguments["self"].toTensor().is_quantized(), "expected a tensor that is not quantized");
}

// The type of the elements that a factory with `out` or `dtype` makes; none where it follows from other arguments.
Optional<at::ScalarType> madeType(const Arguments& arguments) {
  if (const at::Tensor* out = arguments.tensor("out")) return out->scalar_type();
  const c10::IValue& dtype = arguments["dtype"];
  if (dtype.isInt()) return dtype.toScalarType();
  return {};
}

// The number of elements is a quotient of integers: processors stop at a divisor of 0, and at −2⁶³ divided by −1.
void checkQuotient(const Arguments& arguments, bool allowsZero) {
  const c10::IValue& step = arguments["step"];
  if (!step.isScalar() || step.toScalar().isComplex()) return;
  const double by = std::trunc(step.toScalar().toDouble());
  TORCH_CHECK(allowsZero || by != 0, "step: expected an integer that is not zero, got ", step.toScalar());
  const c10::IValue &start = arguments["start"], &end = arguments["end"];
  if (by != -1 || !start.isScalar() || !end.isScalar() || start.toScalar().isComplex() || end.toScalar().isComplex()) return;
  TORCH_CHECK(std::abs(end.toScalar().toDouble() - start.toScalar().toDouble()) < beyondInt64, "expected a start and an end less than 2^63 apart, got ",
              start.toScalar(), " and ", end.toScalar());
}

void checkRange(const Arguments& arguments) {
  const auto type = madeType(arguments);
  if (type && c10::isIntegralType(*type, false)) checkQuotient(arguments, false);
}

// int64 alone is computed in integers; a step that becomes 0 ends the process in PyTorch 2.11, and 2.14 divides before it makes integers.
void checkArange(const Arguments& arguments) {
  const auto type = madeType(arguments);
  const auto isWhole = [&](const char* name) { return arguments[name].isNone() || arguments[name].isInt(); };
  const bool isLong = type ? *type == at::kLong : isWhole("start") && isWhole("end") && isWhole("step");
  if (isLong) checkQuotient(arguments, TORCH_AT_LEAST(2, 14));
}

// Rows that are exchanged: 1 to n; a block of two in LDLᵀ has its row's negative number.
void checkPivots(const Arguments& arguments, const char* factors, const char* pivots, bool mayBeNegative) {
  const at::Tensor* matrix = arguments.tensor(factors);
  const at::Tensor* rows = arguments.tensor(pivots);
  if (matrix == nullptr || rows == nullptr || matrix->dim() < 2) return;
  const auto values = guards::integersOf(*rows);
  if (!values) return;
  const int64_t most = matrix->size(-2);
  for (const int64_t row : *values)
    TORCH_CHECK((row >= 1 && row <= most) || (mayBeNegative && row <= -1 && row >= -most), pivots, ": expected rows from 1 to ", most, ", got ", row);
}

void checkLuPivots(const Arguments& arguments) {
  checkPivots(arguments, "LU", "pivots", false);
  checkPivots(arguments, "LU_data", "LU_pivots", false);
}

void checkLdlPivots(const Arguments& arguments) { checkPivots(arguments, "LD", "pivots", true); }

// Lengths and offsets have the dimensions of the data before the axis, then one for the segments.
void checkSegments(const Arguments& arguments) {
  TORCH_CHECK(!arguments["unsafe"].isBool() || !arguments["unsafe"].toBool(), "expected unsafe: false, which checks the segments");
  const at::Tensor& data = arguments["data"].toTensor();
  const int64_t axis = arguments["axis"].toInt();
  TORCH_CHECK(axis >= 0 && axis < data.dim(), "axis: expected 0 to ", data.dim() - 1, ", got ", axis);
  for (const char* name : {"lengths", "offsets"}) {
    const at::Tensor* segments = arguments.tensor(name);
    if (segments == nullptr) continue;
    const bool isOffsets = name[0] == 'o';
    const auto rows = data.sizes().slice(0, axis);
    TORCH_CHECK(segments->dim() == axis + 1 && segments->sizes().slice(0, axis) == rows && (!isOffsets || segments->size(axis) > 0), name,
                ": expected [", c10::Join(", ", rows), axis > 0 ? ", " : "", "segments], got ", segments->sizes());
    if (isOffsets) checkOffsets(*segments, data.size(axis));
  }
}

using Check = void (*)(const Arguments&);

struct Named {
  const char* name;  // "polynomial*" fits names that begin so; without the star, the whole name and its in-place form
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
    {"cat", checkNotEmpty},
    {"concat", checkNotEmpty},
    {"concatenate", checkNotEmpty},
    {"channel_shuffle", checkChannels},
    {"native_channel_shuffle", checkChannels},
    {"to_sparse_bsr", checkBlocks},
    {"to_sparse_bsc", checkBlocks},
    {"gru", checkGru},
    {"gru_cell", checkGru},
    {"lstm", checkLstm},
    {"lstm_cell", checkLstm},
    {"histogramdd", checkHistogram},
    {"embedding_bag", checkBags},
    {"repeat_interleave", checkRepeats},
    {"lcm", checkMultiple},
    {"native_batch_norm", checkBatchNorm},
    {"batch_norm_update_stats", checkBatchNorm},
    {"native_group_norm", checkGroupNorm},
    {"choose_qparams_optimized", checkQuantizationParameters},
    {"rrelu_with_noise*", checkNoise},
    {"random", checkRandom},
    {"copy", checkCopy},
    {"zero", checkZero},
    {"rnn_tanh", checkBatchSizes},
    {"rnn_relu", checkBatchSizes},
    {"binomial", checkBinomial},
    {"upsample_*", checkScales},
    {"_upsample_*", checkScales},
    {"combinations", checkCombinations},
    {"bincount", checkBins},
    {"set", checkStorage},
    {"view_copy", checkDtypeView},
    {"range", checkRange},
    {"arange", checkArange},
    {"linalg_lu_solve", checkLuPivots},
    {"lu_solve", checkLuPivots},
    {"lu_unpack", checkLuPivots},
    {"linalg_ldl_solve", checkLdlPivots},
    {"segment_reduce", checkSegments},
};

bool fits(const std::string& name, const std::string& pattern) {
  if (pattern.back() != '*') return name == pattern;
  return name.compare(0, pattern.size() - 1, pattern, 0, pattern.size() - 1) == 0;
}

}  // namespace

std::string guards::baseName(const c10::FunctionSchema& schema) {
  std::string name = schema.name().substr(schema.name().find("::") + 2);
  if (!name.empty() && name.back() == '_') name.pop_back();
  return name;
}

int guards::namedCheck(const c10::FunctionSchema& schema) {
  const std::string name = baseName(schema);
  for (size_t i = 0; i < std::size(named); i++)
    if (fits(name, named[i].name)) return static_cast<int>(i);
  return -1;
}

void guards::runNamedCheck(int check, const c10::FunctionSchema& schema, const c10::Stack& stack) { named[check].check({schema, stack}); }

std::vector<int64_t> guards::integers(const c10::IValue& value) {
  if (value.isInt()) return {value.toInt()};
  if (value.isIntList()) return value.toIntVector();
  return {};
}
