/** Calls of tensors' methods, one per operator and form of its arguments, and the inputs that they name. */
import * as torch from '../../src/index.js';

export function makeInputs(): Record<string, torch.Tensor> {
  torch.manualSeed(5);
  const square = torch.randn(4, 4);
  const int64 = (values: number[]) => torch.tensor(values, { dtype: 'int64' });
  return {
    x: torch.randn(3, 4),
    y: torch.randn(3, 4),
    pos: torch.rand(3, 4).add(0.1),
    unit: torch.rand(3, 4).mul(1.8).sub(0.9),
    big: torch.rand(3, 4).add(1.1),
    s: torch.randn([]),
    pair: torch.randn(2, 4),
    w: torch.randn(3),
    v: torch.randn(4),
    v2: torch.randn(4),
    a: torch.randn(3, 5),
    m: torch.randn(4, 5),
    sq: square,
    spd: square.matmul(square.t()).add(torch.eye(4).mul(4)),
    b: torch.randn(2, 3, 4),
    c: torch.randn(2, 4, 5),
    d: torch.randn(2, 3, 5),
    img: torch.randn(2, 3, 6, 6),
    img12: torch.randn(2, 12, 2, 2),
    kernel: torch.randn(4, 3, 3, 3),
    up: torch.randn(3, 4, 3, 3),
    seq: torch.randn(2, 3, 10),
    kernel1: torch.randn(4, 3, 3),
    vol: torch.randn(1, 2, 4, 4, 4),
    kernel3: torch.randn(3, 2, 2, 2, 2),
    mask: torch.rand(3, 4).gt(0.5),
    mask2: torch.rand(3, 4).gt(0.5),
    i: torch.randint(3, [3, 4]),
    k: torch.randint(-5, 6, [3, 4], { dtype: 'int32' }),
    n: torch.randint(1, 9, [3, 4]),
    at: int64([2, 0]),
    flat: int64([0, 11, 5]),
    labels: int64([2, 0, 3]),
    repeats: int64([1, 0, 2]),
    bytes: torch.randint(255, [7], { dtype: 'uint8' }),
    sorted: torch.tensor([-1, -0.5, 0, 0.5, 1]),
    dup: torch.tensor([3, 1, 3, 3, 2, 2]),
    nans: torch.tensor([1, Number.NaN, -2, Infinity]),
    half: torch.randn(3, 4).to('bfloat16'),
  };
}

const on = (self: string, names: string) =>
  names
    .split(' ')
    .map((name) => `${self}.${name}()`)
    .join('\n');
const binary = (self: string, other: string, names: string) =>
  names
    .split(' ')
    .map((name) => `${self}.${name}(${other})`)
    .join('\n');

/** Methods whose value and gradient both sides compute. */
export const recipes = [
  on(
    'x',
    'abs absolute neg negative positive sign sgn signbit sin cos tan sinh cosh tanh atan arctan asinh arcsinh exp exp2 expm1',
  ),
  on(
    'x',
    'erf erfc ceil floor round trunc fix frac square sigmoid relu deg2rad rad2deg sinc isnan isinf isfinite isposinf isneginf isreal',
  ),
  on(
    'x',
    'logical_not nan_to_num count_nonzero sum mean prod std var max min amax amin argmax argmin any all nansum nanmean median',
  ),
  on('x', 'nanmedian norm aminmax t diag flatten fliplr flipud ravel contiguous clone detach numel squeeze hardshrink'),
  on('pos', 'sqrt rsqrt log log2 log10 log1p reciprocal lgamma digamma i0'),
  on('unit', 'asin arcsin acos arccos atanh arctanh erfinv'),
  on('big', 'acosh arccosh'),
  on('spd', 'det logdet slogdet inverse pinverse matrix_exp cholesky cholesky_inverse tril triu trace diag'),
  on('k', 'bitwise_not abs neg sum any'),
  on('mask', 'bitwise_not logical_not any all nonzero sum'),
  on('nans', 'isnan nan_to_num nansum nanmean isfinite isposinf argsort max min'),
  on('half', 'sum exp mean relu max neg sqrt'),
  binary(
    'pos',
    'y',
    'add sub subtract mul multiply div divide true_divide maximum minimum fmax fmin eq ne not_equal gt greater ge',
  ),
  binary(
    'pos',
    'y',
    'greater_equal lt less le less_equal isclose equal allclose atan2 arctan2 hypot copysign nextafter heaviside',
  ),
  binary('pos', 'y', 'logaddexp logaddexp2 dist is_same_size'),
  binary('big', 'pos', 'pow float_power xlogy fmod remainder floor_divide'),
  binary('x', '2', 'add sub mul div eq ne gt ge lt le fmod remainder floor_divide pow true_divide float_power'),
  binary('pos', '0.5', 'add sub mul div pow true_divide'),
  binary('k', '3', 'add mul eq gt bitwise_and bitwise_or bitwise_xor'),
  binary('k', 'x', 'add sub mul div'),
  binary('mask', '1', 'add mul'),
  binary('k', 'True', 'add mul'),
  binary('mask', 'True', 'add mul bitwise_and'),
  binary('n', 'n', 'bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift gcd lcm'),
  binary('mask', 'mask2', 'logical_and logical_or logical_xor bitwise_and'),
  `
  x.add(y, alpha=0.5); x.sub(y, alpha=2); x.div(y, rounding_mode="floor"); x.div(0.3, rounding_mode="trunc"); k.div(2, rounding_mode=None)
  x.addcmul(y, pos, value=0.5); x.addcdiv(y, pos, value=-2); x.lerp(y, 0.3); x.lerp(y, pos); x.heaviside(s)
  x.clamp(min=-0.5, max=0.5); x.clamp(-0.5); x.clamp(max=0.1); x.clamp(unit); x.clip(-1, 1); x.clamp_min(0); x.clamp_max(0.2)
  x.round(decimals=1); nans.nan_to_num(0, 9, -9); unit.logit(eps=0.6); big.mvlgamma(1)

  x.sum(0); x.sum(1, True); x.sum([0, 1]); b.sum(dim=[0, 2], keepdim=True); x.sum(dtype=torch.float64); k.sum(); x.mean(1)
  b.mean([1, 2], keepdim=True); b.mean(dim=-1, dtype=torch.float64); x.prod(1); x.prod(0, keepdim=True); x.std(0); x.std([0], unbiased=False)
  x.var(1, True, True); x.var(unbiased=False); x.std(dim=1, correction=0); x.logsumexp(1); x.logsumexp([0, 1], True)
  x.norm(1); x.norm(2, 1); x.norm(2, [0, 1], True); x.norm(p=3, dim=0); x.max(1); x.max(y); x.min(0, True); x.median(1); x.nanmedian(0)
  dup.mode(); x.kthvalue(2, 1); x.amax([0, 1]); x.amin(1, True); x.argmax(1); x.argmin(dim=0, keepdim=True); mask.any(0)
  mask.all(1, keepdim=True); x.aminmax(dim=0, keepdim=True); k.count_nonzero(0); x.quantile(0.3); x.quantile(0.7, 1, interpolation="lower")
  x.nanquantile(0.5); x.histc(5, -2, 2); labels.bincount(); labels.bincount(minlength=6)
  x.cumsum(0); x.cumprod(1); x.cummax(1); x.cummin(0); x.logcumsumexp(1); x.diff(); x.diff(2, 1); k.cumsum(1, dtype=torch.float32)
  x.sort(); x.sort(0, True); x.sort(stable=True, dim=1); x.argsort(1, True); x.topk(2); x.topk(2, 0, False); x.msort()

  x.view([2, 6]); x.view(4, 3); x.view(-1); x.view_as(i); x.reshape([6, 2]); x.reshape(2, 3, 2); x.reshape_as(y); b.permute([2, 0, 1])
  b.permute(1, 2, 0); x.transpose(0, 1); b.swapaxes(0, 2); b.swapdims(1, 2); b.movedim(0, 2); b.movedim([0, 1], [1, 0]); b.moveaxis(0, -1)
  v.expand([3, 4]); v.expand(2, 3, -1); v.expand_as(x); x.repeat(2, 1); v.repeat([2, 2]); x.tile([2]); x.unsqueeze(1); x.squeeze(0)
  b.flatten(1); b.flatten(start_dim=0, end_dim=1); x.unfold(1, 2, 1); v.broadcast_to([2, 4]); x.flip([0, 1]); x.flip(0, 1); x.roll(1)
  x.roll([1, 2], [0, 1]); x.rot90(); b.rot90(2, [1, 2]); x.chunk(2, 1); x.split(2); x.split([1, 3], 1); x.split_with_sizes([1, 2])
  x.tensor_split(3, 1); x.tensor_split([1, 2]); x.hsplit(2); x.vsplit([1]); x.unbind(); x.unbind(1); x.narrow(1, 1, 2); x.select(1, 2)
  b.diagonal(0, 1, 2); v.diag(1); x.diag_embed(); v.diagflat(); x.tril(-1); x.triu(1); x.as_strided([2, 2], [1, 2])
  x.select_scatter(v, 0, 1); x.slice_scatter(y, 0, 0, 3, 1); x.diagonal_scatter(w)

  x.gather(1, i); x.scatter(1, i, 0.5); x.scatter(0, i, y, reduce="add"); x.scatter(0, i, y); x.scatter_add(0, i, y)
  x.scatter_reduce(0, i, y, reduce="amax"); x.index_select(0, at); x.index_fill(1, at, 3); x.index_add(0, at, pair, alpha=2); x.index_copy(0, at, pair)
  x.take(flat); x.take_along_dim(i, 0); x.masked_fill(mask, -1); x.masked_select(mask); x.masked_scatter(mask, y)
  x.where(mask, y); k.nonzero(); k.argwhere(); x.repeat_interleave(2, dim=0); x.repeat_interleave(repeats, 0); x.put(flat, w)

  x.matmul(v); b.matmul(c); x.matmul(sq); x.mm(sq); x.mv(v); b.bmm(c); v.dot(v2); v.vdot(v2); x.inner(y); v.outer(w); v.ger(w); v.kron(w)
  a.addmm(x, m, beta=0.5, alpha=2); w.addmv(x, v, alpha=3); x.addr(w, v); a.addbmm(b, c); d.baddbmm(b, c, beta=0.1)
  sq.matrix_power(3); x.cov(); x.corrcoef(); x.renorm(2, 0, 1); sq.qr(); spd.svd(); sq.cholesky_solve(spd); sq.triangular_solve(spd)
  sq.geqrf(); x.cross(y, dim=0)

  x.softmax(1); x.softmax(-1, dtype=torch.float64); x.log_softmax(0); x.prelu(v); x.hardshrink(0.3)
  x.new_zeros([2, 2]); x.new_ones([2]); x.new_full([2, 3], 4); k.new_zeros([2, 2]); k.type_as(x); x.is_floating_point(); x.is_complex()
  s.is_nonzero(); bytes.is_signed(); x.element_size(); x.is_contiguous(); x.float_power(2)
`,
].join('\n');

/** Functions without a method. The first argument stands where the method's tensor does. */
export const functionRecipes = `
  img.conv2d(kernel, v); img.conv2d(kernel, stride=2, padding=[1, 0]); img.conv2d(kernel, padding="same"); seq.conv1d(kernel1, dilation=2)
  vol.conv3d(kernel3); img.conv_transpose2d(up, stride=2, output_padding=1); seq.max_pool1d(2); img.max_pool2d(2, stride=1, padding=1)
  seq.avg_pool1d(3, stride=2); seq.adaptive_avg_pool1d(3); x.layer_norm([4], eps=0.1); img.group_norm(3); img12.pixel_shuffle(2)
  img.channel_shuffle(3); x.cosine_similarity(y, dim=1); x.pairwise_distance(y); sq.embedding(i)
  x.cdist(y); x.selu(); x.celu(alpha=0.5); x.dropout(0.5, False); x.threshold(0.1, 2); x.rrelu(); x.rsub(y); x.rsub(1, alpha=2)
  sorted.searchsorted(x); x.bucketize(sorted); k.zeros_like(); x.ones_like(dtype=torch.int32); x.full_like(3); x.trapezoid(y)
  img.batch_norm(None, None, None, None, True, 0.1, 0.00001, False); x.logical_xor(k)
`;
