namespace EmbeddedBackprop.Tests.Export;

/// <summary>C programs that train, save, fail and load; they return 0 if all is well.</summary>
internal static class CSavePrograms
{
    /// <summary>A storage in memory whose power fails when a number of bytes has been written; samples that are drawn.</summary>
    private const string Head = """
        #include <stdlib.h>
        #include <string.h>
        #include "net.h"

        #define BYTES (2 * NET_SLOT_BYTES)

        static unsigned char cells[BYTES];
        static long budget = -1; /* bytes until the power fails; -1: never */
        static int fails;        /* what a read returns */
        static float memory[NET_TRAIN_FLOATS];
        static net_model model;
        static uint32_t drawn = 1u;

        static int read_cells(void *user, uint32_t offset, void *bytes, size_t count)
        {
            if (user != cells || offset + count > BYTES) abort();
            memcpy(bytes, cells + offset, count);
            return fails;
        }

        static int write_cells(void *user, uint32_t offset, const void *bytes, size_t count)
        {
            size_t i;
            if (user != cells || offset + count > BYTES) abort();
            for (i = 0; i < count; i++) {
                if (budget == 0) return 1;
                if (budget > 0) budget--;
                cells[offset + i] = ((const unsigned char *)bytes)[i];
            }
            return 0;
        }

        static const net_storage storage = { read_cells, write_cells, cells };

        static float draw(void)
        {
            drawn = drawn * 1664525u + 1013904223u;
            return (float)(drawn >> 8) / 16777216.0f;
        }

        static void train(int steps)
        {
            static float x[NET_BATCH * NET_INPUTS], y[NET_BATCH * NET_TARGETS];
            for (; steps > 0; steps--) {
                int i;
                for (i = 0; i < NET_BATCH * NET_INPUTS; i++) x[i] = draw();
                for (i = 0; i < NET_BATCH * NET_TARGETS; i++) y[i] = draw();
                (void)net_train_step(&model, x, y);
            }
        }

        static uint32_t restart(void)
        {
            memset(memory, 0, sizeof memory);
            net_start(&model, memory);
            return net_load(&model, &storage) == NET_STORAGE_OK ? net_checksum(&model) : 0u;
        }


        """;

    /// <summary>A power cut at every byte of a save, in storages with no, one and two copies.</summary>
    public const string PowerCuts = Head + """
        int main(void)
        {
            static unsigned char before[BYTES];
            static float trained[NET_TRAIN_FLOATS];
            net_model at_hand;
            uint32_t old_sum, new_sum;
            int round;
            long cut;
            memset(cells, 0xFF, sizeof cells);
            net_start(&model, memory);
            if (net_load(&model, &storage) != NET_STORAGE_NO_COPY) return 1;
            for (round = 0; round < 3; round++) {
                /* In the first round there is no copy before. */
                old_sum = round == 0 ? 0u : restart();
                if (round != 0 && old_sum == 0u) return 2;
                train(2 * NET_ACCUMULATE);
                new_sum = net_checksum(&model);
                if (new_sum == old_sum) return 3;
                memcpy(before, cells, sizeof cells);
                memcpy(trained, memory, sizeof memory);
                at_hand = model;
                for (cut = 0; cut <= NET_COPY_BYTES; cut++) {
                    uint32_t sum;
                    int result;
                    memcpy(cells, before, sizeof cells);
                    memcpy(memory, trained, sizeof memory);
                    model = at_hand;
                    budget = cut;
                    result = net_save(&model, &storage);
                    budget = -1;
                    if ((result == NET_STORAGE_OK) != (cut == NET_COPY_BYTES)) return 4;
                    sum = restart();
                    if (result == NET_STORAGE_OK ? sum != new_sum : (sum != old_sum && sum != new_sum)) return 5;
                    /* After the cut saving works again. */
                    memcpy(memory, trained, sizeof memory);
                    model = at_hand;
                    if (net_save(&model, &storage) != NET_STORAGE_OK || restart() != new_sum) return 6;
                }
            }
            /* A storage that cannot be read: nothing is lost. */
            fails = 1;
            if (net_load(&model, &storage) != NET_STORAGE_FAILED || net_save(&model, &storage) != NET_STORAGE_FAILED) return 7;
            fails = 0;
            return restart() == new_sum ? 0 : 8;
        }

        """;

    /// <summary>Every bit of a copy.</summary>
    public const string FlippedBits = Head + """
        int main(void)
        {
            uint32_t old_sum, new_sum;
            long i;
            int bit;
            net_start(&model, memory);
            train(NET_ACCUMULATE);
            old_sum = net_checksum(&model);
            if (net_save(&model, &storage) != NET_STORAGE_OK) return 1;
            train(NET_ACCUMULATE);
            new_sum = net_checksum(&model);
            if (net_save(&model, &storage) != NET_STORAGE_OK || restart() != new_sum) return 2;
            for (i = 0; i < NET_COPY_BYTES; i++) {
                for (bit = 0; bit < 8; bit++) {
                    cells[NET_SLOT_BYTES + i] ^= (unsigned char)(1 << bit);
                    if (restart() != old_sum) return 3;
                    cells[NET_SLOT_BYTES + i] ^= (unsigned char)(1 << bit);
                }
            }
            cells[NET_SLOT_BYTES + 70] ^= 1;
            cells[70] ^= 1;
            new_sum = model.step;
            if (net_load(&model, &storage) != NET_STORAGE_NO_COPY || model.step != new_sum) return 4;
            return net_checksum(&model) == old_sum ? 0 : 5;
        }

        """;

    /// <summary>Training with and without breaks.</summary>
    public const string GoingOn = Head + """
        int main(void)
        {
            uint32_t expected, state;
            int part;
            net_start(&model, memory);
            train(24 * NET_ACCUMULATE);
            expected = net_checksum(&model);
            drawn = 1u;
            net_start(&model, memory);
            for (part = 0; part < 4; part++) {
                train(6 * NET_ACCUMULATE);
                model.learning_rate = model.learning_rate * 1.0f;
                if (net_save(&model, &storage) != NET_STORAGE_OK) return 1;
                /* Samples of an update that is not complete are forgotten. */
                if (NET_ACCUMULATE > 1) {
                    state = drawn;
                    train(1);
                    drawn = state;
                }
                if (restart() == 0u || model.step != 6u * (uint32_t)(part + 1) || model.collected != 0u) return 2;
            }
            return net_checksum(&model) == expected ? 0 : 3;
        }

        """;

    /// <summary>Training and saving, and the host's code to do the same.</summary>
    public const string OnFile = Head + """
        #include <stdio.h>

        static void put(const char *name, const void *bytes, size_t count)
        {
            FILE *out = fopen(name, "ab");
            if (out == NULL || fwrite(bytes, 1, count, out) != count || fclose(out) != 0) abort();
        }

        int main(void)
        {
            static float x[NET_BATCH * NET_INPUTS], y[NET_BATCH * NET_TARGETS];
            int i, step;
            net_start(&model, memory);
            for (step = 0; step < 3; step++) {
                train(3);
                if (net_save(&model, &storage) != NET_STORAGE_OK) return 1;
            }
            put("cells.bin", cells, sizeof cells);
            if (restart() == 0u) return 2;
            for (step = 0; step < 12; step++) {
                for (i = 0; i < NET_BATCH * NET_INPUTS; i++) x[i] = draw();
                for (i = 0; i < NET_BATCH * NET_TARGETS; i++) y[i] = draw();
                put("samples.bin", x, sizeof x);
                put("samples.bin", y, sizeof y);
                (void)net_train_step(&model, x, y);
            }
            put("trained.bin", memory, NET_TRAIN_PARAMETERS * sizeof(float));
            return 0;
        }

        """;

    /// <summary>A hundred updates with a break, whatever the processor; prints the check sums of weights and stored bytes.</summary>
    public const string OnDevice = """
        #include <string.h>
        #include "device.h"
        #include "net.h"

        static unsigned char cells[2 * NET_SLOT_BYTES];
        static float memory[NET_SELFTEST_FLOATS];
        static net_model model;

        static int get(void *user, uint32_t offset, void *bytes, size_t count)
        {
            (void)memcpy(bytes, (const unsigned char *)user + offset, count);
            return 0;
        }

        static int put(void *user, uint32_t offset, const void *bytes, size_t count)
        {
            (void)memcpy((unsigned char *)user + offset, bytes, count);
            return 0;
        }

        static void train(int steps)
        {
            static float x[NET_BATCH * NET_INPUTS], y[NET_BATCH * NET_TARGETS];
            static uint32_t drawn = 1u;
            size_t i;
            for (; steps > 0; steps--) {
                for (i = 0u; i < NET_BATCH * NET_INPUTS; i++) {
                    drawn = (drawn * 1664525u) + 1013904223u;
                    x[i] = (float)(drawn >> 8) / 16777216.0f;
                }
                for (i = 0u; i < NET_BATCH * NET_TARGETS; i++) {
                    y[i] = x[i] * x[i + 1u];
                }
                (void)net_train_step(&model, x, y);
            }
        }

        int main(void)
        {
            const net_storage storage = { get, put, cells };
            uint32_t sum = 0u;
            size_t i;
            if (net_selftest(memory) != 0u) return 1;
            net_start(&model, memory);
            train(60);
            if (net_save(&model, &storage) != NET_STORAGE_OK) return 2;
            net_start(&model, memory);
            if (net_load(&model, &storage) != NET_STORAGE_OK || model.step != 60u) return 3;
            train(40);
            if (net_save(&model, &storage) != NET_STORAGE_OK) return 4;
            for (i = 0u; i < sizeof cells; i++) {
                sum = (sum ^ cells[i]) * (uint32_t)16777619u;
            }
            device_word(net_checksum(&model));
            device_word(sum);
            return 0;
        }

        """;

    /// <summary>Two networks and one storage, by the names of earlier exports.</summary>
    public const string OtherNet = Head + """
        #include "other.h"

        int main(void)
        {
            static float others[OTHER_TRAIN_FLOATS];
            const other_storage same = { read_cells, write_cells, cells };
            other_model other;
            if (OTHER_COPY_BYTES != NET_COPY_BYTES) return 1;
            net_start(&model, memory);
            train(NET_ACCUMULATE);
            if (net_save(&model, &storage) != NET_STORED || restart() == 0u) return 2;
            other_start(&other, others);
            if (other_load(&other, &same) != OTHER_STORAGE_EMPTY) return 3;
            /* Its own copies go where there is none of its own: here into the first slot. */
            if (other_save(&other, &same) != OTHER_STORAGE_OK || other_load(&other, &same) != OTHER_STORAGE_OK) return 4;
            return net_load(&model, &storage) == NET_STORAGE_EMPTY ? 0 : 5;
        }

        """;

    /// <summary>The image slot.bin of the host is loaded as if it had been saved: the model is then as after a start with its weights.</summary>
    public const string OverTheAir = Head + """
        #include <stdio.h>

        int main(void)
        {
            static float started[NET_TRAIN_FLOATS];
            net_model fresh;
            uint32_t sum;
            FILE *in = fopen("slot.bin", "rb");
            net_start(&fresh, started);
            net_start(&model, memory);
            train(2 * NET_ACCUMULATE);
            /* Its own copy has a number above that of the image: the image comes in by both slots, or by a higher number. */
            if (net_save(&model, &storage) != NET_STORAGE_OK || net_save(&model, &storage) != NET_STORAGE_OK) return 1;
            if (in == NULL || fread(cells, 1, NET_COPY_BYTES, in) != NET_COPY_BYTES || fgetc(in) != EOF) return 2;
            if (SEQUENCE < 3) memcpy(cells + NET_SLOT_BYTES, cells, NET_COPY_BYTES);
            sum = restart();
            if (sum == 0u || sum != WEIGHTS) return 3;
            if (model.step != 0u || model.collected != 0u || memcmp(&model.learning_rate, &fresh.learning_rate, sizeof(float)) != 0) return 4;
            /* All but parameters is as a start leaves it. */
            if (memcmp(memory + NET_TRAIN_PARAMETERS + NET_TRAIN_GRADIENTS, started + NET_TRAIN_PARAMETERS + NET_TRAIN_GRADIENTS,
                       (NET_TRAIN_OPTIMIZER + NET_TRAIN_STATE) * sizeof(float)) != 0) return 5;
            train(NET_ACCUMULATE);
            return net_save(&model, &storage) == NET_STORAGE_OK && restart() != sum ? 0 : 6;
        }

        """;
}
