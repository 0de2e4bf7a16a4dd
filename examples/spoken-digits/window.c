/* The whole window at once, in floats or in integers. */
#include <stdio.h>
#include "device.h"
#include "recording.h"
#include "words.h"

static const char *const labels[] = WORDS_LABELS;
static float input[WORDS_INPUTS], output[WORDS_OUTPUTS];
#ifdef WORDS_ARENA_FLOATS
static float arena[WORDS_ARENA_FLOATS];
#else
static words_memory memory, *const arena = &memory;
#endif

int main(void)
{
    uint32_t i, best, instructions;
    for (i = 0u; i < WORDS_INPUTS && i < sizeof recording / sizeof recording[0]; i++) {
        input[i] = (float)recording[i] / 32768.0f;
    }
    device_start();
    words_predict(input, output, arena);
    instructions = device_instructions();
    best = words_class(output);
    printf("    %s, %lu %%\n", labels[best], (unsigned long)(100.0f * output[best]));
    printf("    instructions of a window: %lu; RAM: %lu bytes\n", (unsigned long)instructions,
        (unsigned long)(sizeof input + sizeof output + WORDS_ARENA_BYTES));
    return 0;
}
