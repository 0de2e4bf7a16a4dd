/* FANN: its own training, one sample after the other (incremental). It has no mini-batches: its batch mode makes one update an epoch. */
#include "serve.h"
#include <floatfann.h>

typedef struct { Sizes sizes; struct fann *net; } Net;

static Net nets[8];
static int net_count;
static float *inputs, *targets;
static int *order;

static void hello(char *text, size_t length) { snprintf(text, length, "libfann 2.2; gcc %s", __VERSION__); }

static struct fann *find(const Sizes *sizes)
{
    for (int i = 0; i < net_count; i++)
        if (same_sizes(&nets[i].sizes, sizes)) return nets[i].net;
    if (net_count == 8) return NULL;
    unsigned layers[MAX_LAYERS];
    for (int l = 0; l < sizes->count; l++) layers[l] = (unsigned)sizes->size[l];
    struct fann *net = fann_create_standard_array((unsigned)sizes->count, layers);
    fann_randomize_weights(net, -0.06f, 0.06f);
    fann_set_activation_function_hidden(net, FANN_SIGMOID);
    fann_set_activation_function_output(net, FANN_SIGMOID);
    fann_set_train_error_function(net, FANN_ERRORFUNC_LINEAR);
    fann_set_training_algorithm(net, FANN_TRAIN_INCREMENTAL);
    nets[net_count++] = (Net){ *sizes, net };
    return net;
}

static void prepare(int classes)
{
    if (inputs) return;
    size_t length = (size_t)data.count * (size_t)data.inputs;
    inputs = allocate(sizeof(float) * length);
    targets = allocate(sizeof(float) * (size_t)data.count * (size_t)classes);
    order = allocate(sizeof(int) * (size_t)data.count);
    for (size_t i = 0; i < length; i++) inputs[i] = (float)data.bytes[i] / 255.0f;
    for (int i = 0; i < data.count; i++) {
        targets[i * classes + data.labels[i]] = 1;
        order[i] = i;
    }
}

static double epoch(const Sizes *sizes, int batch, int samples, float rate)
{
    struct fann *net = batch == 1 ? find(sizes) : NULL;
    int classes = sizes->size[sizes->count - 1];
    if (!net) return -1;
    prepare(classes);
    fann_set_learning_rate(net, rate);
    double began = now();
    shuffle(order, samples);
    for (int i = 0; i < samples; i++)
        fann_train(net, inputs + (size_t)order[i] * (size_t)data.inputs, targets + order[i] * classes);
    return now() - began;
}

static double accuracy(const Sizes *sizes, int batch, int samples)
{
    struct fann *net = find(sizes);
    int right = 0, classes = sizes->size[sizes->count - 1];
    (void)batch;
    for (int i = 0; i < samples; i++) {
        const float *output = fann_run(net, inputs + (size_t)i * (size_t)data.inputs);
        int best = 0;
        for (int j = 1; j < classes; j++) if (output[j] > output[best]) best = j;
        right += best == data.labels[i];
    }
    return (double)right / samples;
}

static double predict(const Sizes *sizes, double duration)
{
    struct fann *net = find(sizes);
    float *sample = allocate(sizeof(float) * (size_t)sizes->size[0]);
    double result;
    if (!net) return -1;
    fill(sample, (size_t)sizes->size[0], 1);
    TIME_CALLS(result, duration, fann_run(net, sample));
    free(sample);
    return result;
}

static double product(char a, char b, int m, int n, int k, double duration)
{
    (void)a, (void)b, (void)m, (void)n, (void)k, (void)duration;
    return -1;
}

static double peak(double duration) { (void)duration; return -1; }

int main(void)
{
    return serve();
}
