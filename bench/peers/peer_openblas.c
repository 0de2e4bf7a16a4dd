/* C with OpenBLAS: sigmoid layers, quadratic loss, SGD, each mini-batch as one matrix; the update is the weight gradient's own product
   (W = W - rate/batch * gradient, by beta = 1). One sample is a matrix-vector product and a rank-1 update. Data stay bytes until gathered.
   Also its products alone, and the core's peak. */
#include "serve.h"
#include <cblas.h>
#include <math.h>

char *openblas_get_corename(void);
char *openblas_get_config(void);

typedef struct {
    Sizes sizes;
    int batch;
    /* weight[l]: [size[l]][size[l - 1]]. The other way round [784,30,10] trains 1.3 to 5 times as slowly; the large net would win 2 %, a prediction of
       [64,32,16,4] a fifth. */
    float *weight[MAX_LAYERS], *bias[MAX_LAYERS];
    float *value[MAX_LAYERS], *delta[MAX_LAYERS];       /* [batch][size[l]] */
    int *order;
} Net;

static Net nets[16];
static int net_count;

static void hello(char *text, size_t length)
{
    char config[256];
    snprintf(config, sizeof config, "%s", openblas_get_config());
    char *blank = strchr(config, ' ');                  /* "OpenBLAS 0.3.21 options ..." */
    if (blank && (blank = strchr(blank + 1, ' '))) *blank = 0;
    snprintf(text, length, "%s, kernels %s; gcc %s", config, openblas_get_corename(), __VERSION__);
}

static Net *find(const Sizes *sizes, int batch)
{
    for (int i = 0; i < net_count; i++)
        if (nets[i].batch == batch && same_sizes(&nets[i].sizes, sizes)) return &nets[i];
    if (net_count == 16) return NULL;
    Net *net = &nets[net_count++];
    net->sizes = *sizes;
    net->batch = batch;
    for (int l = 0; l < sizes->count; l++) {
        size_t out = (size_t)sizes->size[l];
        net->value[l] = allocate(out * (size_t)batch * sizeof(float));
        net->delta[l] = allocate(out * (size_t)batch * sizeof(float));
        if (l == 0) continue;
        size_t in = (size_t)sizes->size[l - 1];
        net->weight[l] = allocate(out * in * sizeof(float));
        net->bias[l] = allocate(out * sizeof(float));
        fill(net->weight[l], out * in, sqrtf(3.0f / (float)in));
    }
    net->order = allocate(sizeof(int) * (size_t)(data.count + 1));
    for (int i = 0; i < data.count; i++) net->order[i] = i;
    return net;
}

static void gather(const Net *net, const int *order, int batch, float *x)
{
    int inputs = net->sizes.size[0];
    for (int i = 0; i < batch; i++) {
        const uint8_t *from = data.bytes + (size_t)order[i] * (size_t)inputs;
        float *to = x + (size_t)i * (size_t)inputs;
        for (int j = 0; j < inputs; j++) to[j] = (float)from[j] * (1.0f / 255.0f);
    }
}

static void prefetch(const Net *net, const int *order, int batch)
{
    int inputs = net->sizes.size[0];
    for (int i = 0; i < batch; i++)
        for (int j = 0; j < inputs; j += 64) __builtin_prefetch(data.bytes + (size_t)order[i] * (size_t)inputs + j);
}

static void forward(const Net *net, int batch)
{
    for (int l = 1; l < net->sizes.count; l++) {
        int in = net->sizes.size[l - 1], out = net->sizes.size[l];
        float *value = net->value[l];
        for (int i = 0; i < batch; i++) memcpy(value + (size_t)i * (size_t)out, net->bias[l], sizeof(float) * (size_t)out);
        if (batch == 1)
            cblas_sgemv(CblasRowMajor, CblasNoTrans, out, in, 1, net->weight[l], in, net->value[l - 1], 1, 1, value, 1);
        else
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, batch, out, in, 1, net->value[l - 1], in, net->weight[l], in, 1, value, out);
        for (int i = 0; i < batch * out; i++) value[i] = 1.0f / (1.0f + expf(-value[i]));
    }
}

static void backward(const Net *net, const int *order, int batch, float rate)
{
    int last = net->sizes.count - 1, classes = net->sizes.size[last];
    float step = -rate / (float)batch;
    for (int i = 0; i < batch; i++)
        for (int j = 0; j < classes; j++) {
            float a = net->value[last][i * classes + j];
            net->delta[last][i * classes + j] = (a - (data.labels[order[i]] == j ? 1.0f : 0.0f)) * a * (1 - a);
        }
    for (int l = last; l > 0; l--) {
        int in = net->sizes.size[l - 1], out = net->sizes.size[l];
        const float *delta = net->delta[l], *value = net->value[l - 1];
        if (l > 1) {
            float *below = net->delta[l - 1];
            if (batch == 1)
                cblas_sgemv(CblasRowMajor, CblasTrans, out, in, 1, net->weight[l], in, delta, 1, 0, below, 1);
            else
                cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, batch, in, out, 1, delta, out, net->weight[l], in, 0, below, in);
            for (int i = 0; i < batch * in; i++) below[i] *= value[i] * (1 - value[i]);
        }
        if (batch == 1)
            cblas_sger(CblasRowMajor, out, in, step, delta, 1, value, 1, net->weight[l], in);
        else
            cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, out, in, batch, step, delta, out, value, in, 1, net->weight[l], in);
        for (int i = 0; i < batch; i++)
            for (int j = 0; j < out; j++) net->bias[l][j] += step * delta[i * out + j];
    }
}

static double epoch(const Sizes *sizes, int batch, int samples, float rate)
{
    Net *net = find(sizes, batch);
    if (!net) return -1;
    double began = now();
    shuffle(net->order, samples);
    for (int first = 0; first < samples; first += batch) {
        int rows = samples - first < batch ? samples - first : batch, next = first + rows;
        gather(net, net->order + first, rows, net->value[0]);
        prefetch(net, net->order + next, samples - next < batch ? samples - next : batch);
        forward(net, rows);
        backward(net, net->order + first, rows, rate);
    }
    return now() - began;
}

static double accuracy(const Sizes *sizes, int batch, int samples)
{
    Net *net = find(sizes, batch);
    int right = 0, last = sizes->count - 1, classes = sizes->size[last];
    for (int first = 0; net && first < samples; first++) {
        gather(net, &first, 1, net->value[0]);
        forward(net, 1);
        int best = 0;
        for (int j = 1; j < classes; j++) if (net->value[last][j] > net->value[last][best]) best = j;
        right += best == data.labels[first];
    }
    return (double)right / samples;
}

static double predict(const Sizes *sizes, double duration)
{
    Net *net = find(sizes, 1);
    double result;
    if (!net) return -1;
    fill(net->value[0], (size_t)sizes->size[0], 1);
    TIME_CALLS(result, duration, forward(net, 1));
    return result;
}

static double product_of(int ta, int tb, int m, int n, int k, int lda, int ldb, int ldc, double duration)
{
    float *a = allocate(sizeof(float) * (size_t)lda * (size_t)(ta ? k : m));
    float *b = allocate(sizeof(float) * (size_t)ldb * (size_t)(tb ? n : k));
    float *c = allocate(sizeof(float) * (size_t)ldc * (size_t)m);
    double result;
    fill(a, (size_t)lda * (size_t)(ta ? k : m), 1);
    fill(b, (size_t)ldb * (size_t)(tb ? n : k), 1);
    TIME_CALLS(result, duration,
        cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, m, n, k, 1, a, lda, b, ldb, 0, c, ldc));
    free(a);
    free(b);
    free(c);
    return result;
}

static int padded(int length) { return (length + 15) / 16 * 16; }

/* Where rows are no multiple of a cache line, with rows next to each other and with padded ones: the faster counts. */
static double product(char a, char b, int m, int n, int k, double duration)
{
    int ta = a == 'T', tb = b == 'T', columns_a = ta ? m : k, columns_b = tb ? k : n;
    double result = product_of(ta, tb, m, n, k, columns_a, columns_b, n, duration);
    if (columns_a % 16 || columns_b % 16 || n % 16) {
        double other = product_of(ta, tb, m, n, k, padded(columns_a), padded(columns_b), padded(n), duration);
        if (other < result) result = other;
    }
    return result;
}

#if defined(__AVX512F__)
#define PEAK_BYTES 64
#elif defined(__AVX__)
#define PEAK_BYTES 32
#else
#define PEAK_BYTES 16
#endif
typedef float Register __attribute__((vector_size(PEAK_BYTES)));

/* The value stays in its register, and the compiler may not work out several rounds at once. */
#if defined(__AVX512F__)
#define KEEP(x) __asm__ volatile("" : "+v"(x))
#elif defined(__x86_64__)
#define KEEP(x) __asm__ volatile("" : "+x"(x))
#else
#define KEEP(x) __asm__ volatile("" : "+w"(x))
#endif

/* Twelve independent chains in registers, no memory: the most multiply-adds of one core. -ffp-contract makes x*a+b one instruction where there is one. */
enum { PEAK_CHAINS = 12, PEAK_ROUNDS = 10000 };

/* Twelve variables and no array, which the compiler might keep in memory. */
static __attribute__((noinline)) void multiply_add(Register f, Register t)
{
    Register a = t, b = t, c = t, d = t, e = t, g = t, h = t, i = t, j = t, k = t, l = t, m = t;
#define STEP(x) x = x * f + t; KEEP(x)
    for (int round = 0; round < PEAK_ROUNDS; round++) {
        STEP(a); STEP(b); STEP(c); STEP(d); STEP(e); STEP(g); STEP(h); STEP(i); STEP(j); STEP(k); STEP(l); STEP(m);
    }
#undef STEP
}

static double peak(double duration)
{
    volatile float factor = 0.999f, term = 0.001f;
    Register f = (Register){0} + factor, t = (Register){0} + term;
    double result;
    TIME_CALLS(result, duration, multiply_add(f, t));
    return result * 1e9 / (2.0 * PEAK_CHAINS * PEAK_ROUNDS * (PEAK_BYTES / 4));
}

int main(void)
{
    return serve();
}
