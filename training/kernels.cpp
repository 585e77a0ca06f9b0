// Training kernels for networks of depthwise separable convolutions on the CPU.
//
// Activations are float32 NHWC, so a 1x1 convolution is a plain matrix product (left to BLAS) and every
// other step is a walk along channels. This file holds the two steps that PyTorch runs slowly there:
// the depthwise 3x3 convolution with its two gradients, and batch normalization fused with ReLU6.
// It knows nothing of layers or automatic differentiation; start reading at the bindings at the end.
//
// Channels come in multiples of 8, one AVX register of floats.

#include <ATen/Parallel.h>
#include <torch/extension.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <vector>

namespace {

constexpr int64_t kLanes = 8;
constexpr int64_t kTaps = 9;
typedef float Lanes __attribute__((vector_size(32), aligned(4), may_alias));

inline Lanes load(const float* p) { return *reinterpret_cast<const Lanes*>(p); }
inline void store(float* p, Lanes v) { *reinterpret_cast<Lanes*>(p) = v; }

/// Checks that `x` is a contiguous float32 NHWC tensor with channels in multiples of 8.
void check_nhwc(const at::Tensor& x, const char* name) {
  TORCH_CHECK(x.dim() == 4 && x.is_contiguous() && x.scalar_type() == at::kFloat && x.size(3) % kLanes == 0,
              name, ": expected a contiguous float32 NHWC tensor with channels in multiples of 8");
}

int64_t strided_size(int64_t size, int64_t stride) { return (size - 1) / stride + 1; }

/// `out[oy, ox, c] = sum_{ky, kx} in[oy*stride + ky - 1, ox*stride + kx - 1, c] * taps[ky*3 + kx, c]` for one picture.
void depthwise_picture(const float* in, const float* taps, float* out, int64_t height, int64_t width, int64_t channels,
                       int64_t stride, const float* zero_row) {
  const int64_t out_height = strided_size(height, stride), out_width = strided_size(width, stride);
  for (int64_t oy = 0; oy < out_height; ++oy) {
    const float* rows[3];
    for (int64_t ky = 0; ky < 3; ++ky) {
      const int64_t iy = oy * stride + ky - 1;
      rows[ky] = iy >= 0 && iy < height ? in + iy * width * channels : zero_row;
    }
    for (int64_t c = 0; c < channels; c += kLanes) {
      Lanes w[kTaps];
      for (int64_t t = 0; t < kTaps; ++t) w[t] = load(taps + t * channels + c);
      for (int64_t ox = 0; ox < out_width; ++ox) {
        const int64_t ix = ox * stride;
        const int64_t centre = ix * channels + c;
        Lanes sum = load(rows[0] + centre) * w[1] + load(rows[1] + centre) * w[4] + load(rows[2] + centre) * w[7];
        if (ix > 0) {
          const int64_t left = centre - channels;
          sum += load(rows[0] + left) * w[0] + load(rows[1] + left) * w[3] + load(rows[2] + left) * w[6];
        }
        if (ix + 1 < width) {
          const int64_t right = centre + channels;
          sum += load(rows[0] + right) * w[2] + load(rows[1] + right) * w[5] + load(rows[2] + right) * w[8];
        }
        store(out + (oy * out_width + ox) * channels + c, sum);
      }
    }
  }
}

/// Gradient of `depthwise_picture` with stride 2 with respect to `in`: every input position gathers the one,
/// two or four outputs that read it. Even positions are seen by the centre tap, odd ones by the outer taps.
void depthwise_input_gradient_stride2(const float* grad_out, const float* taps, float* grad_in, int64_t height,
                                      int64_t width, int64_t channels, const float* zero_row) {
  const int64_t out_height = strided_size(height, 2), out_width = strided_size(width, 2);
  for (int64_t iy = 0; iy < height; ++iy) {
    const bool odd_row = iy % 2 == 1;
    const float* upper = grad_out + (iy / 2) * out_width * channels;
    const bool has_lower = odd_row && iy / 2 + 1 < out_height;
    const float* lower = has_lower ? upper + out_width * channels : zero_row;
    const int64_t upper_tap = odd_row ? 6 : 3;
    for (int64_t c = 0; c < channels; c += kLanes) {
      Lanes wu[3], wl[3];
      for (int64_t kx = 0; kx < 3; ++kx) {
        wu[kx] = load(taps + (upper_tap + kx) * channels + c);
        wl[kx] = load(taps + kx * channels + c);
      }
      for (int64_t ix = 0; ix < width; ++ix) {
        const int64_t near = (ix / 2) * channels + c;
        Lanes sum;
        if (ix % 2 == 0) {
          sum = load(upper + near) * wu[1];
          if (has_lower) sum += load(lower + near) * wl[1];
        } else {
          sum = load(upper + near) * wu[2];
          if (has_lower) sum += load(lower + near) * wl[2];
          if (ix / 2 + 1 < out_width) {
            sum += load(upper + near + channels) * wu[0];
            if (has_lower) sum += load(lower + near + channels) * wl[0];
          }
        }
        store(grad_in + (iy * width + ix) * channels + c, sum);
      }
    }
  }
}

/// Adds one picture's weight gradient to `grad_taps`: `[9, channels]`.
void depthwise_weight_gradient(const float* in, const float* grad_out, float* grad_taps, int64_t height, int64_t width,
                               int64_t channels, int64_t stride, const float* zero_row) {
  const int64_t out_height = strided_size(height, stride), out_width = strided_size(width, stride);
  for (int64_t oy = 0; oy < out_height; ++oy) {
    const float* rows[3];
    for (int64_t ky = 0; ky < 3; ++ky) {
      const int64_t iy = oy * stride + ky - 1;
      rows[ky] = iy >= 0 && iy < height ? in + iy * width * channels : zero_row;
    }
    for (int64_t c = 0; c < channels; c += kLanes) {
      Lanes sum[kTaps];
      for (int64_t t = 0; t < kTaps; ++t) sum[t] = load(grad_taps + t * channels + c);
      for (int64_t ox = 0; ox < out_width; ++ox) {
        const Lanes g = load(grad_out + (oy * out_width + ox) * channels + c);
        const int64_t ix = ox * stride;
        const int64_t centre = ix * channels + c;
        for (int64_t ky = 0; ky < 3; ++ky) sum[ky * 3 + 1] += g * load(rows[ky] + centre);
        if (ix > 0)
          for (int64_t ky = 0; ky < 3; ++ky) sum[ky * 3] += g * load(rows[ky] + centre - channels);
        if (ix + 1 < width)
          for (int64_t ky = 0; ky < 3; ++ky) sum[ky * 3 + 2] += g * load(rows[ky] + centre + channels);
      }
      for (int64_t t = 0; t < kTaps; ++t) store(grad_taps + t * channels + c, sum[t]);
    }
  }
}

/// Depthwise 3x3 convolution with padding 1. `x`: `[n, h, w, c]`, `taps`: `[9, c]`, result `[n, h', w', c]`.
at::Tensor depthwise_forward(const at::Tensor& x, const at::Tensor& taps, int64_t stride) {
  check_nhwc(x, "x");
  const int64_t n = x.size(0), h = x.size(1), w = x.size(2), c = x.size(3);
  const int64_t oh = strided_size(h, stride), ow = strided_size(w, stride);
  at::Tensor y = at::empty({n, oh, ow, c}, x.options());
  const float *in = x.const_data_ptr<float>(), *weights = taps.const_data_ptr<float>();
  float* out = y.data_ptr<float>();
  const std::vector<float> zero_row(w * c, 0.0f);
  at::parallel_for(0, n, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      depthwise_picture(in + i * h * w * c, weights, out + i * oh * ow * c, h, w, c, stride, zero_row.data());
  });
  return y;
}

/// Gradients of `depthwise_forward` with respect to `x` and `taps`.
std::tuple<at::Tensor, at::Tensor> depthwise_backward(const at::Tensor& x, const at::Tensor& taps,
                                                      const at::Tensor& grad_y, int64_t stride) {
  check_nhwc(x, "x");
  check_nhwc(grad_y, "grad_y");
  const int64_t n = x.size(0), h = x.size(1), w = x.size(2), c = x.size(3);
  const int64_t oh = strided_size(h, stride), ow = strided_size(w, stride);
  at::Tensor grad_x = at::empty_like(x);
  const int64_t n_parts = std::min<int64_t>(n, at::get_num_threads());
  at::Tensor partial = at::zeros({n_parts, kTaps, c}, x.options());
  const at::Tensor flipped = taps.flip(0).contiguous();
  const float *in = x.const_data_ptr<float>(), *g = grad_y.const_data_ptr<float>();
  const float *weights = taps.const_data_ptr<float>(), *turned = flipped.const_data_ptr<float>();
  float *gx = grad_x.data_ptr<float>(), *gw = partial.data_ptr<float>();
  const std::vector<float> zero_row(w * c, 0.0f);
  at::parallel_for(0, n_parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      for (int64_t i = part * n / n_parts; i < (part + 1) * n / n_parts; ++i) {
        const float *in_i = in + i * h * w * c, *g_i = g + i * oh * ow * c;
        float* gx_i = gx + i * h * w * c;
        depthwise_weight_gradient(in_i, g_i, gw + part * kTaps * c, h, w, c, stride, zero_row.data());
        if (stride == 1)
          depthwise_picture(g_i, turned, gx_i, h, w, c, 1, zero_row.data());
        else
          depthwise_input_gradient_stride2(g_i, weights, gx_i, h, w, c, zero_row.data());
      }
    }
  });
  return {grad_x, partial.sum(0)};
}

/// Rows of `[rows, channels]` are taken `fold` at a time so that a folded row is a multiple of 32 floats: four
/// registers, which narrow layers would not fill. Per-channel vectors are repeated `fold` times to match.
struct Folded {
  int64_t rows, columns, fold;

  static Folded of(const at::Tensor& x) {
    const int64_t channels = x.size(-1), rows = x.numel() / channels;
    int64_t fold = 1;
    while (fold * channels % 32 != 0) fold *= 2;
    TORCH_CHECK(rows % fold == 0, "batch norm: the batch must be a multiple of 4");
    return {rows / fold, channels * fold, fold};
  }

  std::vector<float> repeat(const at::Tensor& per_channel) const {
    const float* p = per_channel.const_data_ptr<float>();
    const int64_t channels = columns / fold;
    std::vector<float> out(columns);
    for (int64_t i = 0; i < columns; ++i) out[i] = p[i % channels];
    return out;
  }
};

/// Sums two per-element quantities over rows. `term(row_offset, column, a, b)` adds to the registers `a` and `b`.
/// Float sums run over at most 64 rows; blocks are added in double.
template <typename Term>
std::tuple<at::Tensor, at::Tensor> sum_rows(const Folded& shape, const at::TensorOptions& options, const Term& term) {
  constexpr int64_t kBlock = 64;
  const int64_t n_blocks = (shape.rows + kBlock - 1) / kBlock;
  const int64_t n_parts = std::min<int64_t>(n_blocks, at::get_num_threads());
  at::Tensor totals = at::zeros({2, n_parts, shape.columns}, options.dtype(at::kDouble));
  double* first = totals.data_ptr<double>();
  double* second = first + n_parts * shape.columns;
  at::parallel_for(0, n_parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      for (int64_t block = part * n_blocks / n_parts; block < (part + 1) * n_blocks / n_parts; ++block) {
        const int64_t row0 = block * kBlock, row1 = std::min(shape.rows, row0 + kBlock);
        for (int64_t column = 0; column < shape.columns; column += 4 * kLanes) {
          Lanes a[4] = {}, b[4] = {};
          for (int64_t row = row0; row < row1; ++row)
            for (int64_t j = 0; j < 4; ++j) term(row * shape.columns, column + j * kLanes, a[j], b[j]);
          for (int64_t j = 0; j < 4; ++j)
            for (int64_t lane = 0; lane < kLanes; ++lane) {
              first[part * shape.columns + column + j * kLanes + lane] += a[j][lane];
              second[part * shape.columns + column + j * kLanes + lane] += b[j][lane];
            }
        }
      }
    }
  });
  const at::Tensor sums = totals.sum(1).view({2, shape.fold, shape.columns / shape.fold}).sum(1);
  return {sums[0], sums[1]};
}

/// Mean and biased variance of `x` per channel, both double.
std::tuple<at::Tensor, at::Tensor> batch_moments(const at::Tensor& x) {
  check_nhwc(x, "x");
  const Folded shape = Folded::of(x);
  const float* in = x.const_data_ptr<float>();
  auto [sum, sum_of_squares] = sum_rows(shape, x.options(), [in](int64_t row, int64_t column, Lanes& a, Lanes& b) {
    const Lanes v = load(in + row + column);
    a += v;
    b += v * v;
  });
  const double count = static_cast<double>(x.numel() / x.size(3));
  const at::Tensor mean = sum / count;
  return {mean, (sum_of_squares / count - mean * mean).clamp_min(0.0)};
}

/// `y = x * scale + shift` per channel, clamped to [0, 6] when `relu6`.
at::Tensor scale_shift(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift, bool relu6) {
  const Folded shape = Folded::of(x);
  const std::vector<float> scales = shape.repeat(scale), shifts = shape.repeat(shift);
  at::Tensor y = at::empty_like(x);
  const float *in = x.const_data_ptr<float>(), *s = scales.data(), *t = shifts.data();
  float* out = y.data_ptr<float>();
  const float low = relu6 ? 0.0f : -INFINITY, high = relu6 ? 6.0f : INFINITY;
  const int64_t columns = shape.columns;
  at::parallel_for(0, shape.rows, 64, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* __restrict__ src = in + row * columns;
      float* __restrict__ dst = out + row * columns;
      for (int64_t i = 0; i < columns; ++i) {
        const float v = src[i] * s[i] + t[i];
        const float floored = v > low ? v : low;
        dst[i] = floored < high ? floored : high;
      }
    }
  });
  return y;
}

/// Gradients of `relu6(batch_norm(x))` with respect to `x`, the scale gamma and the shift beta.
///
/// With `z = (x - mean) * inverse_std`, `g = grad_y` where `0 < gamma*z + beta < 6` and 0 elsewhere, and `m` rows:
/// `grad_beta = sum g`, `grad_gamma = sum g*z`, `grad_x = gamma*inverse_std*(g - grad_beta/m - z*grad_gamma/m)`.
std::tuple<at::Tensor, at::Tensor, at::Tensor> batch_norm_backward(
    const at::Tensor& x, const at::Tensor& grad_y, const at::Tensor& gamma, const at::Tensor& beta,
    const at::Tensor& mean, const at::Tensor& inverse_std, bool relu6) {
  check_nhwc(x, "x");
  check_nhwc(grad_y, "grad_y");
  const Folded shape = Folded::of(x);
  const at::Tensor scale = gamma * inverse_std, shift = beta - mean * scale;
  const std::vector<float> scales = shape.repeat(scale), shifts = shape.repeat(shift), means = shape.repeat(mean);
  const float *in = x.const_data_ptr<float>(), *g = grad_y.const_data_ptr<float>();
  const float *s = scales.data(), *t = shifts.data(), *mu = means.data();
  const Lanes low = Lanes{} + (relu6 ? 0.0f : -INFINITY), high = Lanes{} + (relu6 ? 6.0f : INFINITY);
  auto [sum_g, sum_gx] = sum_rows(shape, x.options(), [=](int64_t row, int64_t column, Lanes& a, Lanes& b) {
    const Lanes v = load(in + row + column);
    const Lanes y = v * load(s + column) + load(t + column);
    const Lanes grad = (y > low) & (y < high) ? load(g + row + column) : Lanes{};
    a += grad;
    b += grad * (v - load(mu + column));
  });
  const at::Tensor grad_gamma = sum_gx * inverse_std.to(at::kDouble);
  const double count = static_cast<double>(x.numel() / x.size(3));
  const at::Tensor slope = -(scale * inverse_std).to(at::kDouble) * grad_gamma / count;
  const at::Tensor offset = -scale.to(at::kDouble) * sum_g / count - slope * mean.to(at::kDouble);
  const std::vector<float> slopes = shape.repeat(slope.to(at::kFloat)), offsets = shape.repeat(offset.to(at::kFloat));
  const float *k = slopes.data(), *o = offsets.data();
  at::Tensor grad_x = at::empty_like(x);
  float* gx = grad_x.data_ptr<float>();
  const int64_t columns = shape.columns;
  at::parallel_for(0, shape.rows, 64, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t column = 0; column < columns; column += kLanes) {
        const int64_t at = row * columns + column;
        const Lanes v = load(in + at);
        const Lanes y = v * load(s + column) + load(t + column);
        const Lanes grad = (y > low) & (y < high) ? load(g + at) : Lanes{};
        store(gx + at, grad * load(s + column) + v * load(k + column) + load(o + column));
      }
  });
  return {grad_x, grad_gamma.to(at::kFloat), sum_g.to(at::kFloat)};
}

}  // namespace

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.def("depthwise_forward", &depthwise_forward);
  m.def("depthwise_backward", &depthwise_backward);
  m.def("batch_moments", &batch_moments);
  m.def("scale_shift", &scale_shift);
  m.def("batch_norm_backward", &batch_norm_backward);
}
