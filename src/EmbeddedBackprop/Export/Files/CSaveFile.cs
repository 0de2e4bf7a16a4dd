using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Files;

/// <summary>
/// NAME_storage.c: NAME_save and NAME_load, a copy (<see cref="CCopyFormat"/>) of everything that training changes in two slots of the caller's
/// storage. It is a file of its own, so that a program that stores nothing can leave it out.
/// </summary>
internal static class CSaveFile
{
    private const string Modes = """
        #define EBP_LOOKS 0
        #define EBP_LOADS 1
        #define EBP_SAVES 2

        """;

    private static readonly string SlotType = $$"""
        /* A slot that is being read or written, word by word. */
        typedef struct {
            const ebp_storage *storage;
            uint32_t place;
            uint32_t crc;
            size_t used;
            int mode;
            int failed;
            unsigned char piece[{{CText.Number(CCopyFormat.PieceWords * sizeof(uint))}}];
        } ebp_stored;

        """;

    private static string WordText(string m) => $$"""
        static void ebp_stored_word(ebp_stored *stored, uint32_t *word)
        {
            unsigned char *const bytes = &stored->piece[stored->used];
            if ((stored->mode != EBP_SAVES) && (stored->used == 0u) && (stored->failed == 0)) {
                stored->failed = stored->storage->read(stored->storage->user, stored->place, stored->piece, sizeof stored->piece);
            }
            if (stored->mode == EBP_SAVES) {
                bytes[0] = (unsigned char)(*word & 0xFFu);
                bytes[1] = (unsigned char)((*word >> 8) & 0xFFu);
                bytes[2] = (unsigned char)((*word >> 16) & 0xFFu);
                bytes[3] = (unsigned char)((*word >> 24) & 0xFFu);
            } else {
                *word = (uint32_t)bytes[0] | ((uint32_t)bytes[1] << 8) | ((uint32_t)bytes[2] << 16) | ((uint32_t)bytes[3] << 24);
            }
            stored->crc = {{m}}_CRC32(stored->crc, *word);
            stored->used += 4u;
            if (stored->used == sizeof stored->piece) {
                if ((stored->mode == EBP_SAVES) && (stored->failed == 0)) {
                    stored->failed = stored->storage->write(stored->storage->user, stored->place, stored->piece, sizeof stored->piece);
                }
                stored->place += (uint32_t)sizeof stored->piece;
                stored->used = 0u;
            }
        }

        """;

    private const string FloatsText = """
        static void ebp_stored_floats(ebp_stored *stored, size_t n, float *x)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                uint32_t word;
                (void)memcpy(&word, &x[i], sizeof word);
                ebp_stored_word(stored, &word);
                if (stored->mode == EBP_LOADS) {
                    (void)memcpy(&x[i], &word, sizeof word);
                }
            }
        }

        """;

    private const string NewestText = """
        /* The slot of the newest whole copy and its sequence number; 2 if there is none, 3 if there may be one that cannot be read. Numbers may run over: the later one is less than half a round ahead. */
        static uint32_t ebp_newest(const ebp_model *model, const ebp_storage *storage, uint32_t *sequence)
        {
            uint32_t counts[4];
            uint32_t first = 0u;
            uint32_t second = 0u;
            const int has_first = ebp_pass(model, storage, 0u, EBP_LOOKS, &first, counts);
            const int has_second = ebp_pass(model, storage, 1u, EBP_LOOKS, &second, counts);
            if ((has_second == 1) && ((has_first != 1) || (((second - first) & 0x80000000u) == 0u))) {
                *sequence = second;
                return 1u;
            }
            *sequence = first;
            if (has_first == 1) {
                return 0u;
            }
            return ((has_first < 0) || (has_second < 0)) ? 3u : 2u;
        }

        """;

    /// <summary>Its declarations in NAME.h.</summary>
    public static string Header(CModel model)
    {
        string p = model.Prefix, m = model.Macro;
        CTraining training = model.Training!;
        return $$"""
            /*
             * Where {{p}}_save and {{p}}_load keep what was learnt: flash, EEPROM, FRAM, a file. Both functions return 0 if they succeeded. A save writes one slot, in pieces of
             * 64 bytes from its beginning to its end: a driver of flash erases a sector when a piece at the sector's beginning comes.
             */
            typedef struct {
                int (*read)(void *user, uint32_t offset, void *bytes, size_t count);
                int (*write)(void *user, uint32_t offset, const void *bytes, size_t count);
                void *user; /* handed on to both */
            } {{p}}_storage;

            /* Bytes of a copy. Two slots begin at 0 and at {{m}}_SLOT_BYTES; define that as a multiple of the sector where sectors are erased. */
            #define {{m}}_COPY_BYTES {{CText.Number(CCopyFormat.Bytes(training))}}
            #ifndef {{m}}_SLOT_BYTES
            #define {{m}}_SLOT_BYTES {{m}}_COPY_BYTES
            #endif

            #define {{m}}_STORAGE_OK 0      /* saved or loaded */
            #define {{m}}_STORAGE_FAILED 1  /* a function of the storage failed, or what was written reads back otherwise */
            #define {{m}}_STORAGE_NO_COPY 2 /* nothing was saved yet, or only copies of another network, or damaged ones */
            /* Their names in earlier exports. */
            #define {{m}}_STORED {{m}}_STORAGE_OK
            #define {{m}}_STORAGE_EMPTY {{m}}_STORAGE_NO_COPY

            /*
             * Writes parameters, the optimiser's state, what layers keep, learning rate, step and seed into the older of the two slots, and reads it back. If the power fails at
             * any byte, {{p}}_load finds this copy or the one before. Gradients of an update that is not complete are not kept: save at collected == 0 to lose none.
             */
            int {{p}}_save(const {{p}}_model *model, const {{p}}_storage *storage);

            /*
             * Goes on from the newest whole copy, with the bits of never having stopped; call {{p}}_start before. {{m}}_STORAGE_NO_COPY leaves the model as it is,
             * {{m}}_STORAGE_FAILED as it is or as {{p}}_start does.
             */
            int {{p}}_load({{p}}_model *model, const {{p}}_storage *storage);


            """;
    }

    /// <summary>The file.</summary>
    public static string Text(CModel model) => CText.CFile(new(Source(model)));

    private static string Source(CModel model) =>
        string.Join(
                '\n',
                Beginning(model),
                Modes,
                SlotType,
                CChecksum.WordText(model.Macro, "ebp_stored_crc32"),
                WordText(model.Macro),
                FloatsText,
                PassText(model),
                NewestText,
                SaveText(model.Macro),
                LoadText(model.Macro))
            .Replace("\r", "", StringComparison.Ordinal)
            .Replace("ebp_", model.Prefix + "_", StringComparison.Ordinal)
            .Replace("/* ebp:", $"/* {model.Prefix}:", StringComparison.Ordinal);

    private static string Beginning(CModel model) => $$"""
        /* ebp: what was learnt, kept in the caller's storage. {{CMark.Words}}. */
        #include "{{model.Prefix}}.h"

        #include <string.h>

        #if {{model.Macro}}_SLOT_BYTES < {{model.Macro}}_COPY_BYTES
        #error "a slot has to hold a copy"
        #endif

        """;

    private static string PassText(CModel model)
    {
        string m = model.Macro;
        CTraining training = model.Training!;
        int padding = (CCopyFormat.Bytes(training) / sizeof(uint)) - CCopyFormat.HeadWords - CCopyFormat.ContentWords(training) - 1;
        int rest = training.OptimizerLength + training.StateLength;
        string optimizer =
            rest == 0
                ? ""
                : $"    ebp_stored_floats(&stored, {CText.Size(rest)}, {CText.At("memory", training.OptimizerOffset).Trim('(', ')')});\n";
        string zeros =
            padding == 0
                ? ""
                : $"    for (i = 0u; i < {CText.Size(padding)}; i++) {{\n        word = 0u;\n        ebp_stored_word(&stored, &word);\n    }}\n";
        return $$"""
            /*
             * Goes through a slot once, and reads or writes its sequence number and its counts: step, learning rate, seed. Returns 1 for a whole copy of this network, 0 for
             * none, -1 if the storage failed.
             */
            static int ebp_pass(const ebp_model *model, const ebp_storage *storage, uint32_t slot, int mode, uint32_t *sequence, uint32_t *counts)
            {
                const uint32_t head[{{CCopyFormat.HeadWords}}] = { 0x{{CCopyFormat.Magic:X8}}u, {{CCopyFormat.Format}}u, 0x{{CCopyFormat.Fingerprint(
                model
            ):X8}}u, *sequence, {{CText.Size(CCopyFormat.ContentWords(training))}} };
                float *const memory = model->memory;
                ebp_stored stored;
                uint32_t word;
                uint32_t crc;
                size_t i;
                (void)memset(&stored, 0, sizeof stored);
                stored.storage = storage;
                stored.place = slot * (uint32_t){{m}}_SLOT_BYTES;
                stored.crc = 0xFFFFFFFFu;
                stored.mode = mode;
                for (i = 0u; i < {{CCopyFormat.HeadWords}}u; i++) {
                    word = head[i];
                    ebp_stored_word(&stored, &word);
                    if (i == 3u) {
                        *sequence = word;
                    }
                    if ((stored.failed != 0) || ((i != 3u) && (word != head[i]))) {
                        return (stored.failed != 0) ? -1 : 0;
                    }
                }
                counts[0] = model->step;
                (void)memcpy(&counts[1], &model->learning_rate, sizeof counts[1]);
                counts[2] = (uint32_t)(model->seed & 0xFFFFFFFFu);
                counts[3] = (uint32_t)(model->seed >> 32);
                for (i = 0u; i < {{CCopyFormat.CountWords}}u; i++) {
                    ebp_stored_word(&stored, &counts[i]);
                }
                ebp_stored_floats(&stored, {{m}}_TRAIN_PARAMETERS, memory);
            {{optimizer}}{{zeros}}    crc = ~stored.crc;
                word = crc;
                ebp_stored_word(&stored, &word);
                if ((word != crc) || (stored.failed != 0)) {
                    return (stored.failed != 0) ? -1 : 0;
                }
                return 1;
            }

            """;
    }

    private static string SaveText(string m) => $$"""
        int ebp_save(const ebp_model *model, const ebp_storage *storage)
        {
            uint32_t counts[4];
            uint32_t sequence;
            uint32_t written;
            const uint32_t newest = ebp_newest(model, storage, &sequence);
            uint32_t slot = 0u;
            if (newest == 0u) {
                slot = 1u;
            }
            if (newest >= 2u) {
                sequence = 0u;
            }
            sequence++;
            written = sequence;
            if (ebp_pass(model, storage, slot, EBP_SAVES, &written, counts) != 1) {
                return {{m}}_STORAGE_FAILED;
            }
            return ((ebp_pass(model, storage, slot, EBP_LOOKS, &written, counts) == 1) && (written == sequence)) ? {{m}}_STORAGE_OK : {{m}}_STORAGE_FAILED;
        }

        """;

    private static string LoadText(string m) => $$"""
        int ebp_load(ebp_model *model, const ebp_storage *storage)
        {
            uint32_t counts[4];
            uint32_t sequence;
            const uint32_t slot = ebp_newest(model, storage, &sequence);
            if (slot >= 2u) {
                return (slot == 2u) ? {{m}}_STORAGE_NO_COPY : {{m}}_STORAGE_FAILED;
            }
            if (ebp_pass(model, storage, slot, EBP_LOADS, &sequence, counts) != 1) {
                /* It was whole a moment ago: the storage fails, and a part of the model is lost. */
                ebp_start(model, model->memory);
                return {{m}}_STORAGE_FAILED;
            }
            model->step = counts[0];
            (void)memcpy(&model->learning_rate, &counts[1], sizeof counts[1]);
            model->seed = (uint64_t)counts[2] | ((uint64_t)counts[3] << 32);
            model->collected = 0u;
            return {{m}}_STORAGE_OK;
        }

        """;
}
