/* Decides on a window of an outer and of an inner race; prints both decisions, the instructions of the last one (as a stream: of a hop) and the RAM. */
#include "bearing.h"
#include "device.h"
#include "samples.h"
#include <stdio.h>

#define SAMPLES (sizeof outer_race / sizeof outer_race[0])

static const char *const labels[] = BEARING_LABELS;
static float input[BEARING_INPUTS], output[BEARING_OUTPUTS];

#ifdef BEARING_HOP
static float arena[BEARING_ARENA_FLOATS], state[BEARING_STATE_FLOATS];
#define RAM (sizeof input + sizeof output + sizeof arena + sizeof state)

/* Whole hops at a time, as a DMA would give them; the last one makes the decision. */
static uint32_t decide(const int16_t *samples)
{
    uint32_t instructions = 0u;
    size_t from = 0u;
    bearing_reset(state);
    while (from < SAMPLES) {
        const float *piece = input;
        size_t count = 0u;
        while (count < BEARING_HOP && from < SAMPLES) {
            input[count++] = (float)samples[from++] / 32768.0f;
        }
        device_start();
        while (bearing_push(&piece, &count, output, arena, state) == 1u) {
            instructions = device_instructions();
        }
    }
    return instructions;
}
#else
#ifdef BEARING_ARENA_FLOATS
static float memory[BEARING_ARENA_FLOATS];
#define MEMORY memory
#else
static bearing_memory memory;
#define MEMORY &memory
#endif
#define RAM (sizeof input + sizeof output + sizeof memory)

static uint32_t decide(const int16_t *samples)
{
    size_t i;
    device_start();
    for (i = 0u; i < SAMPLES; i++) {
        input[i] = (float)samples[i] / 32768.0f;
    }
    bearing_predict(input, output, MEMORY);
    return device_instructions();
}
#endif

int main(void)
{
    uint32_t instructions;
    const char *outer, *inner;
    (void)decide(outer_race);
    outer = labels[bearing_class(output)];
    instructions = decide(inner_race);
    inner = labels[bearing_class(output)];
    (void)printf("outer race: %s, inner race: %s, instructions %lu, RAM %lu", outer, inner, (unsigned long)instructions, (unsigned long)RAM);
    return 0;
}
