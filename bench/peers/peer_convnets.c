/* C written by hand for two nets, predictions only: a keyword-spotting DS-CNN and a ResNet-8 (their layers are in nets.py). Direct loops with constant
   sizes, no library. Maps are [row][column][channel] with a border of zeros, 16 outputs are a vector, a block of positions is kept in registers; batch
   normalisation is folded into weights and biases when the net is loaded. Takes no account of the order of sums. */
#define PEER_NETS
#include "serve.h"
#include <math.h>

typedef float Vector __attribute__((vector_size(64)));
typedef int Mask __attribute__((vector_size(64)));

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 16, SAMPLES = 32 };

static void hello(char *text, size_t length) { snprintf(text, length, "gcc %s", __VERSION__); }

INLINE Vector positive(Vector x) { return (Vector)((x > 0) & (Mask)x); }

/* sum[position][vector] += x * w over kernel rows and the neighbours (column, channel) of a row; w is [kernel row][neighbour][outputs]. */
INLINE void products(Vector *sum, int positions, int vectors, const float *x, int step, int line, int rows, int neighbours, const float *w, int outputs)
{
    for (int y = 0; y < rows; y++)
        for (int t = 0; t < neighbours; t++) {
            const float *at = x + y * line + t, *k = w + (y * neighbours + t) * outputs;
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++)
#pragma GCC unroll 16
                for (int p = 0; p < positions; p++) sum[p * vectors + v] += at[p * step] * *(const Vector *)(k + LANES * v);
        }
}

INLINE void start(Vector *sum, int positions, int vectors, const float *bias)
{
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
#pragma GCC unroll 16
        for (int p = 0; p < positions; p++) sum[p * vectors + v] = *(const Vector *)(bias + LANES * v);
}

INLINE void finish(const Vector *sum, int positions, int vectors, float *y, int channels)
{
#pragma GCC unroll 16
    for (int p = 0; p < positions; p++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) *(Vector *)(y + p * channels + LANES * v) = positive(sum[p * vectors + v]);
}

/* The mean of 64 channels, a dense layer of at most 16 outputs (the others have weights 0), softmax. */
typedef struct { float w[64][LANES], bias[LANES]; } Head;

static void classify(const Head *head, const Vector *sum, int positions, int classes, float *out)
{
    float mean[64] __attribute__((aligned(64)));
    for (int v = 0; v < 4; v++) *(Vector *)(mean + LANES * v) = sum[v] / (float)positions;
    Vector z[4] = { *(const Vector *)head->bias };
    for (int i = 0; i < 64; i += 4)
#pragma GCC unroll 4
        for (int part = 0; part < 4; part++) z[part] += mean[i + part] * *(const Vector *)head->w[i + part];
    float y[LANES] __attribute__((aligned(64)));
    *(Vector *)y = (z[0] + z[1]) + (z[2] + z[3]);
    float most = y[0], total = 0;
    for (int j = 1; j < classes; j++) most = y[j] > most ? y[j] : most;
    for (int j = 0; j < classes; j++) total += y[j] = expf(y[j] - most);
    for (int j = 0; j < classes; j++) out[j] = y[j] / total;
}

/* What the file holds: parameters in the order of the layers, then running means and variances in the same order, then samples. */
typedef struct { const float *parameters, *state; } Source;

/* Weights [outputs][channels][rows][columns] become [rows][columns][channels][outputs], times the factor of the batch normalisation that follows. */
static void read_convolution(Source *from, float *w, float *bias, int outputs, int channels, int taps, int is_normalized)
{
    const float *kernels = from->parameters, *b = kernels + outputs * channels * taps, *gamma = b + outputs, *beta = gamma + outputs;
    const float *mean = from->state, *variance = mean + outputs;
    for (int o = 0; o < outputs; o++) {
        float factor = is_normalized ? gamma[o] / sqrtf(variance[o] + 1e-5f) : 1;
        for (int c = 0; c < channels; c++)
            for (int t = 0; t < taps; t++) w[(t * channels + c) * outputs + o] = factor * kernels[(o * channels + c) * taps + t];
        bias[o] = is_normalized ? factor * (b[o] - mean[o]) + beta[o] : b[o];
    }
    from->parameters = is_normalized ? beta + outputs : gamma;
    from->state += is_normalized ? 2 * outputs : 0;
}

static void read_head(Source *from, Head *head, int classes)
{
    for (int j = 0; j < classes; j++) {
        for (int i = 0; i < 64; i++) head->w[i][j] = from->parameters[j * 64 + i];
        head->bias[j] = from->parameters[classes * 64 + j];
    }
    from->parameters += classes * 65;
}

/* Keyword spotting: 49x10; 64 filters 10x4 of stride 2; four times depthwise 3x3 and 64 filters 1x1; twelve classes. */
enum { ROWS = 25, COLUMNS = 5, WIDE = 64, MAP_LINE = (COLUMNS + 2) * WIDE, IMAGE_LINE = 12, IMAGE_ROWS = 58, KEYWORDS = 12 };

typedef struct {
    float first[40][WIDE], first_bias[WIDE];
    struct { float depth[9][WIDE], depth_bias[WIDE], point[WIDE][WIDE], point_bias[WIDE]; } block[4];
    Head head;
    float image[IMAGE_ROWS * IMAGE_LINE + 8], map[(ROWS + 2) * MAP_LINE], middle[ROWS * COLUMNS * WIDE];
} Keywords;

static __attribute__((noinline)) void keywords_depthwise(const float depth[9][WIDE], const float *bias, const float *map, float *middle)
{
    for (int v = 0; v < WIDE; v += LANES) {
        Vector k[9], b = *(const Vector *)(bias + v);
#pragma GCC unroll 9
        for (int t = 0; t < 9; t++) k[t] = *(const Vector *)(depth[t] + v);
        for (int r = 0; r < ROWS; r++) {
            Vector sum[COLUMNS];
#pragma GCC unroll 5
            for (int c = 0; c < COLUMNS; c++) sum[c] = b;
#pragma GCC unroll 3
            for (int y = 0; y < 3; y++) {
                Vector x[COLUMNS + 2];
#pragma GCC unroll 7
                for (int c = 0; c < COLUMNS + 2; c++) x[c] = *(const Vector *)(map + (r + y) * MAP_LINE + c * WIDE + v);
#pragma GCC unroll 5
                for (int c = 0; c < COLUMNS; c++) sum[c] += x[c] * k[3 * y] + x[c + 1] * k[3 * y + 1] + x[c + 2] * k[3 * y + 2];
            }
#pragma GCC unroll 5
            for (int c = 0; c < COLUMNS; c++) *(Vector *)(middle + (r * COLUMNS + c) * WIDE + v) = positive(sum[c]);
        }
    }
}

static __attribute__((noinline)) void keywords_pointwise(const float point[WIDE][WIDE], const float *bias, const float *middle, float *map)
{
    for (int r = 0; r < ROWS; r++) {
        Vector sum[COLUMNS * 4];
        start(sum, COLUMNS, 4, bias);
        products(sum, COLUMNS, 4, middle + r * COLUMNS * WIDE, WIDE, 0, 1, WIDE, point[0], WIDE);
        finish(sum, COLUMNS, 4, map + (r + 1) * MAP_LINE + WIDE, WIDE);
    }
}

static __attribute__((noinline)) void keywords_first(Keywords *n)
{
    for (int r = 0; r < ROWS; r++) {
        Vector sum[COLUMNS * 4];
        start(sum, COLUMNS, 4, n->first_bias);
        products(sum, COLUMNS, 4, n->image + 2 * r * IMAGE_LINE, 2, IMAGE_LINE, 10, 4, n->first[0], WIDE);
        finish(sum, COLUMNS, 4, n->map + (r + 1) * MAP_LINE + WIDE, WIDE);
    }
}

static void keywords_predict(void *net, const float *x, float *out)
{
    Keywords *n = net;
    for (int r = 0; r < 49; r++) memcpy(n->image + (r + 4) * IMAGE_LINE + 1, x + 10 * r, 10 * sizeof *x);
    keywords_first(n);
    for (int i = 0; i < 4; i++) {
        keywords_depthwise(n->block[i].depth, n->block[i].depth_bias, n->map, n->middle);
        keywords_pointwise(n->block[i].point, n->block[i].point_bias, n->middle, n->map);
    }
    Vector sum[4] = {{0}};
    for (int r = 1; r <= ROWS; r++)
        for (int i = WIDE; i < MAP_LINE - WIDE; i += WIDE)
#pragma GCC unroll 4
            for (int v = 0; v < 4; v++) sum[v] += *(const Vector *)(n->map + r * MAP_LINE + i + LANES * v);
    classify(&n->head, sum, ROWS * COLUMNS, KEYWORDS, out);
}

static void *keywords_read(Source *from)
{
    Keywords *n = allocate(sizeof *n);
    read_convolution(from, n->first[0], n->first_bias, WIDE, 1, 40, 1);
    for (int i = 0; i < 4; i++) {
        read_convolution(from, n->block[i].depth[0], n->block[i].depth_bias, WIDE, 1, 9, 1);
        read_convolution(from, n->block[i].point[0], n->block[i].point_bias, WIDE, WIDE, 1, 1);
    }
    read_head(from, &n->head, KEYWORDS);
    return n;
}

/* ResNet-8: 32x32x3; 16 filters 3x3; blocks of two convolutions 3x3 with 16, 32 and 64 filters; ten classes. */
enum { OBJECTS = 10 };

typedef struct {
    float first[27 * 16], first_bias[16];
    float one_a[144 * 16], one_a_bias[16], one_b[144 * 16], one_b_bias[16];
    float two_a[144 * 32], two_a_bias[32], two_b[288 * 32], two_b_bias[32], two_c[16 * 32], two_c_bias[32];
    float three_a[288 * 64], three_a_bias[64], three_b[576 * 64], three_b_bias[64], three_c[32 * 64], three_c_bias[64];
    Head head;
    /* Every array is a whole number of vectors. */
    float image[34 * 34 * 3 + 4];
    float map16[3][34 * 34 * 16], map32[2][18 * 18 * 32], map64[2][10 * 10 * 64];
} Residual;

/* A convolution 3x3 of maps with a border; positions at a time and vectors of outputs at a time are constants of the caller. */
INLINE void convolve(const float *x, int channels, int side, int stride, const float *w, const float *bias, int outputs, int positions, int vectors,
    const float *same, const float *shortcut, const float *shortcut_w, const float *shortcut_bias, int shortcut_channels, float *y)
{
    int line = (side * stride + 2) * channels, out_line = (side + 2) * outputs, shortcut_line = (2 * side + 2) * shortcut_channels;
    for (int o = 0; o < outputs; o += LANES * vectors)
        for (int r = 0; r < side; r++)
            for (int c = 0; c < side; c += positions) {
                Vector sum[16];
                start(sum, positions, vectors, bias + o);
                /* With stride 2 the border is used on one side only. */
                const float *at = x + (r * stride + (stride == 2)) * line + (c * stride + (stride == 2)) * channels;
                products(sum, positions, vectors, at, stride * channels, line, 3, 3 * channels, w + o, outputs);
                float *to = y + (r + 1) * out_line + (c + 1) * outputs + o;
                if (same) {
                    const float *a = same + (to - y);
#pragma GCC unroll 16
                    for (int p = 0; p < positions; p++)
#pragma GCC unroll 4
                        for (int v = 0; v < vectors; v++) sum[p * vectors + v] += *(const Vector *)(a + p * outputs + LANES * v);
                }
                if (shortcut) {
                    const float *a = shortcut + (2 * r + 1) * shortcut_line + (2 * c + 1) * shortcut_channels;
#pragma GCC unroll 16
                    for (int p = 0; p < positions; p++)
#pragma GCC unroll 4
                        for (int v = 0; v < vectors; v++) sum[p * vectors + v] += *(const Vector *)(shortcut_bias + o + LANES * v);
                    products(sum, positions, vectors, a, 2 * shortcut_channels, 0, 1, shortcut_channels, shortcut_w + o, outputs);
                }
                finish(sum, positions, vectors, to, outputs);
            }
}

#define LAYER static __attribute__((noinline)) void

LAYER residual_first(Residual *n) { convolve(n->image, 3, 32, 1, n->first, n->first_bias, 16, 16, 1, 0, 0, 0, 0, 0, n->map16[0]); }
LAYER residual_one_a(Residual *n) { convolve(n->map16[0], 16, 32, 1, n->one_a, n->one_a_bias, 16, 16, 1, 0, 0, 0, 0, 0, n->map16[1]); }
LAYER residual_one_b(Residual *n) { convolve(n->map16[1], 16, 32, 1, n->one_b, n->one_b_bias, 16, 16, 1, n->map16[0], 0, 0, 0, 0, n->map16[2]); }
LAYER residual_two_a(Residual *n) { convolve(n->map16[2], 16, 16, 2, n->two_a, n->two_a_bias, 32, 8, 2, 0, 0, 0, 0, 0, n->map32[0]); }
LAYER residual_two_b(Residual *n)
{
    convolve(n->map32[0], 32, 16, 1, n->two_b, n->two_b_bias, 32, 8, 2, 0, n->map16[2], n->two_c, n->two_c_bias, 16, n->map32[1]);
}
LAYER residual_three_a(Residual *n) { convolve(n->map32[1], 32, 8, 2, n->three_a, n->three_a_bias, 64, 8, 2, 0, 0, 0, 0, 0, n->map64[0]); }
LAYER residual_three_b(Residual *n)
{
    convolve(n->map64[0], 64, 8, 1, n->three_b, n->three_b_bias, 64, 8, 2, 0, n->map32[1], n->three_c, n->three_c_bias, 32, n->map64[1]);
}

static void residual_predict(void *net, const float *x, float *out)
{
    Residual *n = net;
    for (int r = 0; r < 32; r++)
        for (int c = 0; c < 32; c++)
            for (int i = 0; i < 3; i++) n->image[((r + 1) * 34 + c + 1) * 3 + i] = x[(i * 32 + r) * 32 + c];
    residual_first(n);
    residual_one_a(n);
    residual_one_b(n);
    residual_two_a(n);
    residual_two_b(n);
    residual_three_a(n);
    residual_three_b(n);
    Vector sum[4] = {{0}};
    for (int r = 1; r <= 8; r++)
        for (int c = 1; c <= 8; c++)
#pragma GCC unroll 4
            for (int v = 0; v < 4; v++) sum[v] += *(const Vector *)(n->map64[1] + (r * 10 + c) * 64 + LANES * v);
    classify(&n->head, sum, 64, OBJECTS, out);
}

static void *residual_read(Source *from)
{
    Residual *n = allocate(sizeof *n);
    read_convolution(from, n->first, n->first_bias, 16, 3, 9, 1);
    read_convolution(from, n->one_a, n->one_a_bias, 16, 16, 9, 1);
    read_convolution(from, n->one_b, n->one_b_bias, 16, 16, 9, 1);
    read_convolution(from, n->two_a, n->two_a_bias, 32, 16, 9, 1);
    read_convolution(from, n->two_b, n->two_b_bias, 32, 32, 9, 1);
    read_convolution(from, n->two_c, n->two_c_bias, 32, 16, 1, 0);
    read_convolution(from, n->three_a, n->three_a_bias, 64, 32, 9, 1);
    read_convolution(from, n->three_b, n->three_b_bias, 64, 64, 9, 1);
    read_convolution(from, n->three_c, n->three_c_bias, 64, 32, 1, 0);
    read_head(from, &n->head, OBJECTS);
    return n;
}

static struct Net { const char *name; int inputs, classes; void *(*read)(Source *from); void (*predict)(void *net, const float *x, float *out); void *net; float *samples; }
    nets[] = {
        { "dscnn", 490, KEYWORDS, keywords_read, keywords_predict, 0, 0 },
        { "resnet8", 3072, OBJECTS, residual_read, residual_predict, 0, 0 },
    };

static struct Net *find(const char *name)
{
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        if (strcmp(nets[i].name, name) == 0) return &nets[i];
    return 0;
}

static int net(const char *name, int parameters, int state, const float *values)
{
    struct Net *n = find(name);
    if (!n) return -1;
    Source from = { values, values + parameters };
    n->net = n->read(&from);
    if (from.parameters != values + parameters || from.state != values + parameters + state) {
        fprintf(stderr, "%s: another net's parameters\n", name);
        exit(1);
    }
    size_t bytes = sizeof(float) * (size_t)(SAMPLES * n->inputs);
    n->samples = allocate(bytes);
    memcpy(n->samples, values + parameters + state, bytes);
    return 0;
}

static __attribute__((noinline)) void predict(const struct Net *n, int batch, float *out)
{
    for (int b = 0; b < batch; b++) n->predict(n->net, n->samples + b * n->inputs, out + b * n->classes);
}

static int outputs(const char *name, int batch, float *out)
{
    struct Net *n = find(name);
    if (!n || !n->net || batch > SAMPLES) return -1;
    predict(n, batch, out);
    return batch * n->classes;
}

static double forward(const char *name, int batch, double duration)
{
    static float out[SAMPLES * LANES];
    struct Net *n = find(name);
    double result = -1;
    if (!n || !n->net || batch > SAMPLES) return -1;
    TIME_CALLS(result, duration, predict(n, batch, out));
    return result;
}

int main(void)
{
    return serve();
}
