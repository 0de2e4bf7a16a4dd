using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// The sums of a block's tiles in C: tap by tap in registers, or each sum by a call of a routine that all blocks share.
/// </summary>
/// <param name="program">Collects routines.</param>
/// <param name="tiles">The tiles.</param>
/// <param name="load">How the sums read weights.</param>
/// <param name="text">The function.</param>
internal sealed class CConvSums(CProgram program, CConvTiles tiles, CWeightLoad load, CBlockText text)
{
    // An element further away than this has a pointer of its own: Cortex-M4F loads at most 255 floats from an address.
    private const int Reach = 255;

    private const string Steps = """
        /* The channels that a sum reads, and the ways to the next column, row and channel of x, and to those of the weights. */
        typedef struct {
            size_t channels;
            size_t x_column;
            size_t x_row;
            size_t x_channel;
            size_t w_row;
            size_t w_channel;
            size_t w_output;
        } ebp_conv_steps;

        """;

    private readonly ConvSizes sizes = tiles.Sizes;

    /// <summary>The variable of a sum.</summary>
    public static string Name(int output, int position) => $"s{output}_{position}";

    /// <summary>Writes the sums of a tile.</summary>
    public void Write(CTileRun run)
    {
        if (run.Inside is null)
        {
            WriteSumBySum(run);
        }
        else if (Array.Exists(run.Inside, inside => inside.End > inside.First))
        {
            WriteTaps(run, run.Inside);
        }
    }

    /// <summary>The sums of a tile, tap by tap: each x and each weight is loaded once.</summary>
    private void WriteTaps(CTileRun run, (int First, int End)[] inside)
    {
        int first = Seen(inside, sizes)[0], each = tiles.WeightsOfOutput;
        bool loopsChannels = tiles.Channels > 1, loopsRows = sizes.KernelHeight > 1 || tiles.ClipsRows;
        bool onePointer = ((tiles.Together - 1) * each) + tiles.Taps <= Reach;
        string start = CBlockText.Sum(
            (run.Start * sizes.StrideX) + first - sizes.Left,
            run.Count > 1 ? CBlockText.Times("j", run.Positions * sizes.StrideX) : "");
        string above = tiles.ClipsRows ? CBlockText.Times("above", sizes.KernelWidth) : "";
        if (loopsChannels)
        {
            text.Line($"size_t channel = {start};");
            text.Line($"size_t k = {(above.Length == 0 ? "0u" : above)};");
            text.Line("size_t c;");
            text.Open($"for (c = {tiles.Channels}u; c > 0u; c--)");
        }

        text.Line($"const {load.Type} *q0 = w0{(loopsChannels ? " + k" : above.Length == 0 ? "" : " + " + above)};");
        for (int t = 1; t < tiles.Together && !onePointer; t++)
        {
            text.Line($"const {load.Type} *q{t} = q{t - 1} + {each}u;");
        }

        if (loopsRows)
        {
            text.Line($"size_t at = {(loopsChannels ? "channel" : start)};");
            text.Line("size_t u;");
            text.Open($"for (u = {(tiles.ClipsRows ? "rows" : sizes.KernelHeight + "u")}; u > 0u; u--)");
        }

        text.Line($"const float *p = line + {(loopsRows ? "at" : loopsChannels ? "channel" : $"({start})")};");
        if (sizes.KernelWidth > CConvTiles.WrittenOut)
        {
            text.Line("size_t v;");
            text.Open($"for (v = 0u; v < {sizes.KernelWidth}u; v++)");
            WriteTap(run, inside, "v", first, [], onePointer);
            text.Close();
        }
        else
        {
            HashSet<int> loaded = [];
            for (int v = 0; v < sizes.KernelWidth; v++)
            {
                WriteTap(run, inside, CText.Number(v), first, loaded, onePointer);
            }
        }

        if (loopsRows)
        {
            text.Line($"at += {sizes.DilationY * tiles.Width}u;");
            for (int t = 0; t < (onePointer ? 1 : tiles.Together); t++)
            {
                text.Line($"q{t} = &q{t}[{sizes.KernelWidth}];");
            }

            text.Close();
        }

        if (loopsChannels)
        {
            text.Line($"channel += {tiles.Height * tiles.Width}u;");
            text.Line($"k += {tiles.Taps}u;");
            text.Close();
        }
    }

    /// <summary>The columns that a tile sees, counted from the first tap of its first position.</summary>
    private static int[] Seen((int First, int End)[] inside, ConvSizes sizes) =>
    [
        .. inside
            .SelectMany((taps, p) => Enumerable.Range(taps.First, taps.End - taps.First).Select(v => (p * sizes.StrideX) + (v * sizes.DilationX)))
            .Distinct()
            .Order(),
    ];

    /// <summary>One tap of the kernel row: in a row that is written out a number, else the variable v.</summary>
    private void WriteTap(CTileRun run, (int First, int End)[] inside, string tap, int first, HashSet<int> loaded, bool onePointer)
    {
        int each = tiles.WeightsOfOutput;
        bool isLoop = tap == "v";
        int v = isLoop ? 0 : int.Parse(tap, System.Globalization.CultureInfo.InvariantCulture);
        int[] positions = [.. Enumerable.Range(0, run.Positions).Where(p => isLoop || (inside[p].First <= v && v < inside[p].End))];
        if (positions.Length == 0)
        {
            return;
        }

        for (int t = 0; t < tiles.Together; t++)
        {
            string index = onePointer ? CBlockText.Sum(isLoop ? t * each : (t * each) + v, isLoop ? "v" : "") : tap;
            string element = $"q{(onePointer ? 0 : t)}[{(isLoop ? index : index.TrimEnd('u'))}]";
            text.Line($"const float v{t}_{tap} = {load.Weight(element, "f" + CText.Number(t))};");
        }

        foreach (int p in positions)
        {
            int column = (p * sizes.StrideX) + (isLoop ? 0 : v * sizes.DilationX);
            if (loaded.Add(column))
            {
                string index = isLoop ? CBlockText.Sum(column, CBlockText.Times("v", sizes.DilationX)) : CText.Number(column - first);
                text.Line($"const float x{column} = p[{index}];");
            }

            for (int t = 0; t < tiles.Together; t++)
            {
                text.Line($"{Name(t, p)} = EBP_M(x{column}, v{t}_{tap}, {Name(t, p)});");
            }
        }
    }

    /// <summary>Sums whose taps inside the image are found when they run: four outputs at once, or one after the other.</summary>
    private void WriteSumBySum(CTileRun run)
    {
        // Of a kernel of one row the channels are its rows, and of one tap its columns.
        bool isRow = sizes.KernelHeight == 1 && !tiles.ClipsRows, isTap = isRow && sizes.KernelWidth == 1 && !tiles.ClipsColumns;
        int plane = tiles.Height * tiles.Width, each = tiles.WeightsOfOutput;
        program.Routine("conv_steps", CFunctions.None, Steps);
        string constant = program.Constant(
            "conv_steps",
            $"""
                .channels = {(isRow ? 1 : tiles.Channels)}u, .x_column = {(isTap ? plane : sizes.DilationX)}u,
                .x_row = {(isRow ? plane : sizes.DilationY * tiles.Width)}u, .x_channel = {plane}u,
                .w_row = {sizes.KernelWidth}u, .w_channel = {tiles.Taps}u, .w_output = {each}u

            """);
        string function = tiles.Together == 4 ? AskFour() : AskOne();
        if (tiles.ClipsColumns)
        {
            CConvSizes.AskTaps(program);
        }

        string rowsInside = isTap ? "1u" : isRow ? tiles.Channels + "u" : tiles.ClipsRows ? "rows" : sizes.KernelHeight + "u";
        string above = tiles.ClipsRows ? CBlockText.Times("above", sizes.KernelWidth) : "";
        for (int p = 0; p < run.Positions; p++)
        {
            string j = run.Count > 1 ? CBlockText.Times("j", run.Positions * sizes.StrideX) : "";
            string position = CBlockText.Sum((run.Start + p) * sizes.StrideX, j), columnsInside = (isTap ? tiles.Channels : sizes.KernelWidth) + "u";
            text.Open();
            if (tiles.ClipsColumns)
            {
                columnsInside = "columns";
                string column = $"({CBlockText.Sum((run.Start + p) * sizes.StrideX, j, CBlockText.Times("left", sizes.DilationX))}) - {sizes.Left}u";
                text.Line("size_t left;");
                text.Line(
                    $"const size_t columns = ebp_conv_taps({position}, {sizes.Left}u, {tiles.Width}u, {sizes.DilationX}u, {sizes.KernelWidth}u, &left);");
                text.Line($"const float *p = line + (columns > 0u ? {column} : 0u);");
            }
            else
            {
                text.Line($"const float *p = line + ({position});");
            }

            string called = $"{function}({constant}, {rowsInside}, {columnsInside}, p, w0 + ";
            if (tiles.Together == 4)
            {
                text.Line("float sum[4] = { b0, b1, b2, b3 };");
                text.Line($"{called}({CBlockText.Sum(0, above, tiles.ClipsColumns ? "left" : "")}){(load.HasFactor ? ", w_scale + o" : "")}, sum);");
                text.Lines(Enumerable.Range(0, 4).Select(t => $"{Name(t, p)} = sum[{t}];"));
            }

            for (int t = 0; t < tiles.Together && tiles.Together < 4; t++)
            {
                string weight = CBlockText.Sum(t * each, above, tiles.ClipsColumns ? "left" : "");
                text.Line($"{Name(t, p)} = {called}({weight}){(load.HasFactor ? ", f" + CText.Number(t) : "")}, {Name(t, p)});");
            }

            text.Close();
        }
    }

    /// <summary>Asks for conv_sum(steps, rows, columns, x, w, sum).</summary>
    private string AskOne() => program.Routine("conv_sum" + load.Suffix, CFunctions.MultiplyAdd | load.Functions, $$"""
        /* sum + the products of some rows and columns of the kernel with what they see, channel by channel.{{load.Remark}} */
        EBP_APART static float ebp_conv_sum{{load.Suffix}}(const ebp_conv_steps *s, size_t rows, size_t columns, const float *x, {{(
            load.HasFactor ? $"const {load.Type} *w, float f" : load.Parameter("w")
        )}}, float sum)
        {
            const size_t next = s->x_column;
        {{Loops("row", [], [$"sum = EBP_M(x[column], {load.Weight("row[v]", "f")}, sum);"])}}    return sum;
        }

        """);

    /// <summary>Asks for conv_sums(steps, rows, columns, x, w, sum[4]).</summary>
    private string AskFour()
    {
        const int Sums = 4;
        string Each(int first, Func<int, string> line) => string.Concat(Enumerable.Range(first, Sums - first).Select(line));
        string[] pointers = [.. Enumerable.Range(1, Sums - 1).Select(t => $"const {load.Type} *w{t} = w{t - 1} + output;")];
        string[] products =
        [
            "const float xv = x[column];",
            .. Enumerable.Range(0, Sums).Select(t => $"s{t} = EBP_M(xv, {load.Weight($"w{t}[v]", $"f{t}")}, s{t});"),
        ];
        return program.Routine("conv_sums" + load.Suffix, CFunctions.MultiplyAdd | load.Functions, $$"""
            /* For four outputs: sum + the products of some rows and columns of the kernel with what they see, channel by channel.{{load.Remark}} */
            EBP_APART static void ebp_conv_sums{{load.Suffix}}(const ebp_conv_steps *s, size_t rows, size_t columns, const float *x, {{(
                load.Parameter("w")
            )}}, float *sum)
            {
                const size_t next = s->x_column;
                const size_t output = s->w_output;
            {{Each(0, t => load.Factor("    ", $"f{t}", "w", $"{t}u"))}}{{Each(0, t => $"    float s{t} = sum[{t}];\n")}}{{(
                Loops("w0", pointers, products)
            )}}{{Each(0, t => $"    sum[{t}] = s{t};\n")}}}

            """);
    }

    /// <summary>The loops over the channels, rows and columns of a kernel that are inside the image.</summary>
    /// <param name="row">The pointer to a row of weights.</param>
    /// <param name="pointers">Declarations of further pointers, from that one.</param>
    /// <param name="products">What is done for tap v, at x[column].</param>
    private string Loops(string row, string[] pointers, string[] products)
    {
        CBlockText loops = new(depth: 1);
        loops.Lines(["size_t channel = 0u;", "size_t k = 0u;", "size_t c;"]);
        loops.Open("for (c = s->channels; c > 0u; c--)");
        loops.Lines([$"const {load.Type} *{row} = w + k;", "size_t at = channel;", "size_t u;"]);
        loops.Open("for (u = rows; u > 0u; u--)");
        loops.Lines([.. pointers, "size_t column = at;", "size_t v;"]);
        loops.Open("for (v = 0u; v < columns; v++)");
        loops.Lines([.. products, "column += next;"]);
        loops.Close();
        loops.Lines(["at += s->x_row;", $"{row} = &{row}[s->w_row];"]);
        loops.Close();
        loops.Lines(["channel += s->x_channel;", "k += s->w_channel;"]);
        loops.Close();
        return loops.ToString();
    }
}
