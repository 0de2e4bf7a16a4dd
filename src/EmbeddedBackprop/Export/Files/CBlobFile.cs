using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Files;

/// <summary>
/// The C of an export whose tables are a binary: its structure for NAME.h, its check for NAME_selftest.c, and NAME_weights.c, which puts the binary
/// into a program of gcc or clang.
/// </summary>
internal static class CBlobFile
{
    /// <summary>The structure, the object, and a macro for each table: the steps name tables as ever.</summary>
    public static string Declarations(CModel model, CBlob blob)
    {
        string m = model.Macro, p = model.Prefix;
        StringBuilder text = new();
        text.Append($$"""
            #if defined(__BYTE_ORDER__) && defined(__ORDER_BIG_ENDIAN__)
            #if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
            #error "{{p}}_weights.bin is little-endian: for this processor export the weights as C"
            #endif
            #endif

            /*
             * {{p}}_weights.bin, the tables in a file of their own: offset, table, bytes. The program calls it {{p}}_weights; it needs an address that a float may have.
             * {{p}}_weights.c puts it into the program. In its place objcopy or the linker may do that, or give the name an address to which the file is written.
             * A file of the same network in another training may replace it: {{p}}_check_tables() judges it by the layout and the sum in it, {{p}}_model_hash() is its hash.
             * The golden results in {{p}}_selftest.c are those of this export's weights.
             */
            #define {{m}}_WEIGHTS_BYTES {{CText.Number(blob.Bytes)}}
            #define {{m}}_WEIGHTS_LAYOUT 0x{{blob.Layout:X8}}u
            typedef struct {
                char mark[{{CText.Number(CBlob.MarkBytes)}}]; /* 0: "{{CMark.Words}}" */
                char model_hash[{{CText.Number(CBlob.HashBytes)}}]; /* {{CText.Number(CBlob.MarkBytes)}}: as {{m}}_MODEL_HASH */
                uint32_t layout; /* {{CText.Number(CBlob.MarkBytes + CBlob.HashBytes)}}: {{m}}_WEIGHTS_LAYOUT */

            """);
        int number = 0;
        foreach ((CTable table, long offset) in blob.Tables)
        {
            text.Append(
                $"    {table.DeclarationAs(blob.Field(table))}; /* {CText.Number(offset)}: {table.Source}, {CText.Number(table.ArrayBytes)} bytes */\n");
            if (CBlob.Padding(table) is > 0 and int padding)
            {
                number++;
                text.Append($"    uint8_t zeros{CText.Number(number)}[{CText.Number(padding)}];\n");
            }
        }

        text.Append($$"""
                uint32_t sum; /* {{CText.Number(blob.SumOffset)}}: FNV-1a over all 32-bit words before */
            } {{p}}_blob;
            extern const {{p}}_blob {{p}}_weights;

            """);
        foreach ((CTable table, _) in blob.Tables)
        {
            text.Append($"#define {table.Name} ({p}_weights.{blob.Field(table)})\n");
        }

        return text.ToString();
    }

    /// <summary>The body of NAME_tables, which checks the binary by what is in it.</summary>
    public static string Check(CModel model, CBlob blob) => $$"""
            const uint8_t *const bytes = (const uint8_t *)&{{model.Prefix}}_weights;
            uint32_t sum = {{CText.Number(CChecksum.SumStart)}}u;
            size_t i;
            /* FNV-1a over 32-bit words: every changed bit changes the sum. */
            for (i = 0u; i < {{CText.Number(blob.SumOffset)}}u; i += 4u) {
                uint32_t word;
                (void)memcpy(&word, &bytes[i], sizeof word);
                sum = (uint32_t)((sum ^ word) * (uint32_t)16777619u);
            }
            return (({{model.Prefix}}_weights.layout == {{model.Macro}}_WEIGHTS_LAYOUT) && (sum == {{model.Prefix}}_weights.sum)) ? 0u : {{model.Macro}}_SELFTEST_TABLES;

        """;

    /// <summary>NAME_weights.c: the binary as a part of the program.</summary>
    public static string Text(CModel model, CBlob blob)
    {
        string m = model.Macro, p = model.Prefix;
        return CText.LineFeeds(new StringBuilder($$"""
            /*
             * {{p}}: makes {{p}}_weights.bin a part of the program, by gcc's or clang's assembler. {{CMark.Words}}.
             * Leave this file out where objcopy, the linker or an address of its own does that.
             */
            #include "{{p}}.h"

            /* As the assembler finds it: from the folder in which the compiler runs, or from one of its -I. */
            #ifndef {{m}}_WEIGHTS_FILE
            #define {{m}}_WEIGHTS_FILE "{{p}}_weights.bin"
            #endif

            #ifndef {{m}}_WEIGHTS_SECTION
            #define {{m}}_WEIGHTS_SECTION ".rodata.{{p}}_weights"
            #endif

            #if !defined(__GNUC__) || !defined(__ELF__)
            #error "leave this file out and have the linker place {{p}}_weights.bin under the name {{p}}_weights"
            #endif

            __asm__(".pushsection " {{m}}_WEIGHTS_SECTION ",\"a\"\n"
                    ".balign 8\n"
                    ".globl {{p}}_weights\n"
                    ".type {{p}}_weights, %object\n"
                    ".size {{p}}_weights, {{CText.Number(blob.Bytes)}}\n"
                    "{{p}}_weights:\n"
                    ".incbin \"" {{m}}_WEIGHTS_FILE "\"\n"
                    ".popsection\n");

            """));
    }
}
