/* Fourier transforms of real signals by Debian's kissfft and FFTW, for "experiment signals": a shared library with a function each. */
#include <fftw3.h>
#include <kissfft/kiss_fftr.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of one transform of n samples: rounds of a thousand until the time is over. */
double fft_kiss(int n, double seconds, const float *x, float *spectrum)
{
    static kiss_fftr_cfg plan;
    static int planned;
    double begin, took;
    long count = 0;
    if (planned != n) {
        plan = kiss_fftr_alloc(n, 0, NULL, NULL);
        planned = n;
    }
    begin = now();
    do {
        for (int i = 0; i < 1000; i++) {
            kiss_fftr(plan, x, (kiss_fft_cpx *)spectrum);
        }
        count += 1000;
        took = now() - begin;
    } while (took < seconds);
    return took / (double)count;
}

double fft_fftw(int n, double seconds, const float *x, float *spectrum)
{
    static fftwf_plan plan;
    static int planned;
    double begin, took;
    long count = 0;
    if (planned != n) {
        plan = fftwf_plan_dft_r2c_1d(n, (float *)x, (fftwf_complex *)spectrum, FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
        planned = n;
    }
    begin = now();
    do {
        for (int i = 0; i < 1000; i++) {
            fftwf_execute_dft_r2c(plan, (float *)x, (fftwf_complex *)spectrum);
        }
        count += 1000;
        took = now() - begin;
    } while (took < seconds);
    return took / (double)count;
}
