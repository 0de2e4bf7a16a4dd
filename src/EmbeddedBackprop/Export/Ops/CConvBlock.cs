using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// The function of a block in C: a convolution and what follows it, tile by tile. A tile is a few neighbouring positions of one or two output
/// channels: its sums stay in registers until normalisation, activation and the windows of a pooling are done. The sums are those of
/// Kernels/Scalar/Convolution/Conv.cs.
/// </summary>
/// <remarks>
/// The sizes are constants of the function. Rows of the kernel that are outside the image are left out by the loop's bounds; tiles at the left and
/// right edge have code of their own, in which the missing taps do not occur. Windows of several rows meet in the output's memory: the map
/// before the pooling is nowhere. Where the C is to be small (<see cref="CFavor.Size"/>), every sum is a call of one routine that all blocks share.
/// </remarks>
internal sealed class CConvBlock
{
    // A wider kernel row is a loop, and a clipped tile of such a kernel is computed sum by sum.
    private const int WrittenOut = 8;

    // More kinds of clipped tiles than these are computed sum by sum.
    private const int ClippedTiles = 4;

    // So many weights of the outputs of a tile are widened on the stack before their tiles; more are widened where they are read.
    private const int Widened = 96;

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

    private readonly CBlockText text = new();
    private readonly CProgram program;
    private readonly CWeightLoad load;
    private readonly CWeightLoad tileLoad; // that of the tiles: float where the weights of a tile's outputs are widened before
    private readonly ConvSizes sizes;
    private readonly CBlockStage[] stages;
    private readonly Pooling? pool;

    private readonly int height;
    private readonly int width;
    private readonly int windowHeight;
    private readonly int windowWidth;
    private readonly int rows; // of y
    private readonly int columns;
    private readonly int channels; // of a group
    private readonly int outputs; // of a group
    private readonly int taps;
    private readonly int together; // output channels of a tile
    private readonly bool clipsRows;
    private readonly bool clipsColumns;
    private readonly bool startsAtZero;
    private readonly bool small;
    private readonly bool widens;

    private CConvBlock(CProgram program, CWeightLoad load, ConvSizes sizes, CBlockStage[] stages, Pooling? pool)
    {
        small = program.IsSmall;
        (this.program, this.load, this.sizes, this.pool) = (program, load, sizes, pool);
        // Of a kernel of one tap that sees every element the image is a single row.
        bool flat = pool is null && sizes is { KernelHeight: 1, KernelWidth: 1, StrideX: 1, StrideY: 1, Top: 0, Left: 0 }
            && sizes.OutputPositions == sizes.Height * sizes.Width;
        (height, width) = flat ? (1, sizes.Height * sizes.Width) : (sizes.Height, sizes.Width);
        int outputWidth = flat ? width : sizes.OutputWidth;
        (windowHeight, windowWidth) = pool?.Window ?? (1, 1);
        rows = (flat ? 1 : sizes.OutputHeight) / windowHeight;
        columns = outputWidth / windowWidth;
        channels = sizes.Channels / sizes.Groups;
        outputs = sizes.Outputs / sizes.Groups;
        taps = sizes.KernelHeight * sizes.KernelWidth;
        clipsRows = Enumerable.Range(0, rows * windowHeight).Any(row => RowsInside(row) < sizes.KernelHeight);
        clipsColumns = Enumerable.Range(0, columns * windowWidth).Any(column => Columns(column) != (0, sizes.KernelWidth));
        // Of a few positions side by side more outputs are computed at once.
        int side = columns * windowWidth;
        together = outputs % 4 == 0 && (small || side < 4) && windowWidth <= 4 ? 4 : small || outputs % 2 != 0 || windowWidth > 4 ? 1 : 2;
        widens = load.Storage != CStorage.Float32 && !small && together * channels * taps <= Widened;
        tileLoad = widens ? CWeightLoad.Float : load;
        // The largest of max(z, 0) begins with 0, and needs no max(z, 0) any more: NaN is never larger, and neither is -0.
        startsAtZero = pool is MaxPooling && stages.Length > 0 && stages[^1].IsRelu;
        this.stages = startsAtZero ? stages[..^1] : stages;
    }

    /// <summary>
    /// The neighbouring positions of a tile: whole windows, not more sums than a Cortex-M4F keeps in registers, and tiles of about equal size.
    /// Weights that have to be widened are shared by one more position.
    /// </summary>
    private int TilePositions
    {
        get
        {
            int most = small ? 1 : together == 4 ? 3 : together == 1 || tileLoad.Storage != CStorage.Float32 ? 8 : 7;
            int windows = Math.Max(1, most / windowWidth), tiles = (columns + windows - 1) / windows;
            return Math.Max(1, (columns + tiles - 1) / Math.Max(1, tiles)) * windowWidth;
        }
    }

    /// <summary>Asks for the function of a convolution and what its block does to the sums.</summary>
    /// <param name="program">Collects routines.</param>
    /// <param name="load">How weights are read.</param>
    /// <param name="sizes">The convolution's sizes.</param>
    /// <param name="stages">What is done to each sum, in this order.</param>
    /// <param name="pool">The pooling that ends the block; null where none does.</param>
    /// <returns>The function's name; its arguments are x, w, b, those of the stages, y.</returns>
    public static string Ask(CProgram program, CWeightLoad load, in ConvSizes sizes, CBlockStage[] stages, Pooling? pool)
    {
        CConvBlock block = new(program, load, sizes, stages, pool);
        CConvSizes.AskApart(program);
        if (block.clipsRows)
        {
            CConvSizes.AskTaps(program);
        }

        block.WriteBody();
        CFunctions functions = block.stages.Aggregate(CFunctions.MultiplyAdd | load.Functions, (all, stage) => all | stage.Functions);
        string kernel = $"{sizes.KernelHeight}x{sizes.KernelWidth}";
        string body = block.text.ToString(), remark = load.Remark, parameters = block.Parameters;
        string what = $"{sizes.Channels} channels of {sizes.Height} x {sizes.Width}, kernel {sizes.KernelHeight} x {sizes.KernelWidth}: "
            + $"{CText.Number(block.TilePositions)} positions of {CText.Number(block.together)} output{(block.together == 1 ? "" : "s")} at once."
            + (block.pool is null ? "" : $" Windows of {block.windowHeight} x {block.windowWidth} are joined in y.");
        return program.Routine((block.pool is null && stages.Length == 0 ? "conv_" : "block_") + kernel + load.Suffix, functions, name => $$"""
            /* {{what}}{{remark}} */
            EBP_APART static void ebp_{{name}}({{parameters}})
            {{body}}
            """);
    }

    private string Parameters =>
        string.Join(
            ", ",
            (string[])["const float *x", load.Parameter("w"), "const float *b", .. stages.SelectMany(stage => stage.Parameters), "float *y"]);

    private (int First, int End) Columns(int column) =>
        Inside(column * sizes.StrideX, sizes.Left, width, sizes.DilationX, sizes.KernelWidth);

    private int RowsInside(int row)
    {
        (int first, int end) = Inside(row * sizes.StrideY, sizes.Top, height, sizes.DilationY, sizes.KernelHeight);
        return end - first;
    }

    /// <summary>The taps of a row or a column of the kernel that are inside the image.</summary>
    private static (int First, int End) Inside(int position, int padding, int size, int dilation, int kernel)
    {
        int first = 0, end = kernel;
        while (first < end && position + (first * dilation) < padding)
        {
            first++;
        }

        while (end > first && position + ((end - 1) * dilation) - padding >= size)
        {
            end--;
        }

        return (first, end);
    }

    private void WriteBody()
    {
        List<Run> runs = Runs();
        text.OpenBody();
        text.Line("size_t o;");
        if (widens)
        {
            text.Line($"float wide[{together * channels * taps}];");
        }

        bool loopsRows = rows > 1, loopsWindow = windowHeight > 1;
        if (loopsRows)
        {
            text.Line("size_t i;");
        }

        if (runs.Any(run => run.Count > 1))
        {
            text.Line("size_t j;");
        }

        if (loopsWindow)
        {
            text.Line("size_t r;");
        }

        text.Open($"for (o = 0u; o < {sizes.Outputs}u; {(together == 1 ? "o++" : $"o += {together}u")})");
        WriteOutputs(readsFactors: together != 4 || widens || runs.Any(run => run.Inside is not null));
        if (loopsRows)
        {
            text.Open($"for (i = 0u; i < {rows}u; i++)");
        }

        if (loopsWindow)
        {
            text.Open($"for (r = 0u; r < {windowHeight}u; r++)");
        }

        WriteRow(loopsRows ? CBlockText.Times("i", windowHeight) : "", loopsWindow ? "r" : "");
        foreach (Run run in runs)
        {
            WriteRun(run);
        }

        for (int i = (loopsRows ? 1 : 0) + (loopsWindow ? 1 : 0); i >= 0; i--)
        {
            text.Close();
        }

        text.Close();
    }

    /// <summary>Neighbouring tiles of a row that have the same taps inside the image.</summary>
    /// <param name="Start">The first position.</param>
    /// <param name="Inside">For each position of a tile its taps inside the image; null where each sum finds them itself.</param>
    /// <param name="Positions">Positions of a tile.</param>
    /// <param name="Count">Tiles.</param>
    private sealed record Run(int Start, (int First, int End)[]? Inside, int Positions, int Count);

    private List<Run> Runs()
    {
        List<Run> runs = [];
        int end = columns * windowWidth;
        for (int start = 0; start < end;)
        {
            int positions = Math.Min(TilePositions, end - start);
            (int, int)[] inside = [.. Enumerable.Range(start, positions).Select(Columns)];
            if (runs.Count > 0 && runs[^1] is { } last && last.Inside!.AsSpan().SequenceEqual(inside))
            {
                runs[^1] = last with { Count = last.Count + 1 };
            }
            else
            {
                runs.Add(new Run(start, inside, positions, 1));
            }

            start += positions;
        }

        bool IsClipped(Run run) => Array.Exists(run.Inside!, taps => taps != (0, sizes.KernelWidth));
        if (small)
        {
            return [new Run(0, null, windowWidth, columns)];
        }

        return sizes.KernelWidth <= WrittenOut && runs.Count(IsClipped) <= ClippedTiles
            ? runs
            : [.. runs.Select(run => IsClipped(run)
                ? new Run(run.Start, null, windowWidth, run.Positions / windowWidth * run.Count)
                : run)];
    }

    /// <summary>What the output channels of a tile have of their own.</summary>
    private void WriteOutputs(bool readsFactors)
    {
        int each = channels * taps;
        string weights = CBlockText.Times("o", each);
        text.Line($"const {load.Type} *{(widens ? "stored" : "w0")} = {(weights.Length == 0 ? "w" : $"w + {weights}")};");
        if (sizes.Groups > 1)
        {
            string group = outputs == 1 ? "o" : $"(o / {outputs}u)";
            text.Line($"const float *group = x + ({group} * {channels * height * width}u);");
        }

        for (int t = 0; t < together; t++)
        {
            string channel = t == 0 ? "o" : $"o + {t}u";
            text.Line($"const float b{t} = b[{channel}];");
            if (load.HasFactor && readsFactors)
            {
                text.Line(load.Factor("", "f" + CText.Number(t), "w", channel).TrimEnd());
            }

            text.Lines(stages.SelectMany(stage => stage.Factors(channel, CText.Number(t))));
        }

        if (widens)
        {
            text.Line("const float *w0 = wide;");
            text.Line("size_t n;");
            text.Open($"for (n = 0u; n < {each}u; n++)");
            for (int t = 0; t < together; t++)
            {
                string index = t == 0 ? "n" : $"n + {t * each}u";
                text.Line($"wide[{index}] = {load.Weight($"stored[{index}]", "f" + CText.Number(t))};");
            }

            text.Close();
        }
    }

    /// <summary>The row of positions: how many rows of the kernel are inside, and where they begin.</summary>
    private void WriteRow(string window, string inWindow)
    {
        string image = sizes.Groups > 1 ? "group" : "x";
        string number = CBlockText.Sum(0, window, inWindow);
        string first = CBlockText.Times(
            number == "0u" ? "" : number.Contains('+', StringComparison.Ordinal) ? $"({number})" : number,
            sizes.StrideY);
        if (clipsRows)
        {
            string position = first.Length == 0 ? "0u" : first;
            text.Line("size_t above;");
            text.Line(
                $"const size_t rows = ebp_conv_taps({position}, {sizes.Top}u, {height}u, {sizes.DilationY}u, {sizes.KernelHeight}u, &above);");
            string y = $"({CBlockText.Sum(0, first, CBlockText.Times("above", sizes.DilationY))}) - {sizes.Top}u";
            bool mayBeEmpty = Enumerable.Range(0, rows * windowHeight).Any(row => RowsInside(row) == 0);
            text.Line($"const float *line = {image} + ({(mayBeEmpty ? $"(rows > 0u ? {y} : 0u)" : $"({y})")} * {width}u);");
        }
        else
        {
            string at = CBlockText.Times(first, width);
            text.Line($"const float *line = {image}{(at.Length == 0 ? "" : " + " + at)};");
        }

        string to = CBlockText.Sum(0, CBlockText.Times("o", rows * columns), rows > 1 ? CBlockText.Times("i", columns) : "");
        text.Line($"float *to = y + ({to});");
    }

    private void WriteRun(Run run)
    {
        bool loops = run.Count > 1;
        text.Open(loops ? $"for (j = 0u; j < {run.Count}u; j++)" : "");
        for (int t = 0; t < together; t++)
        {
            for (int p = 0; p < run.Positions; p++)
            {
                text.Line($"float {Name(t, p)} = b{t};");
            }
        }

        if (run.Inside is null)
        {
            WriteSumBySum(run);
        }
        else if (Array.Exists(run.Inside, inside => inside.End > inside.First))
        {
            WriteSums(run, run.Inside);
        }

        for (int t = 0; t < together; t++)
        {
            for (int p = 0; p < run.Positions; p++)
            {
                text.Lines(stages.SelectMany(stage => stage.Apply(Name(t, p), CText.Number(t))));
            }
        }

        for (int t = 0; t < together; t++)
        {
            WriteResults(run, t);
        }

        text.Close();
    }

    private static string Name(int output, int position) => $"s{output}_{position}";

    /// <summary>The sums of a tile, tap by tap: each x and each weight is loaded once.</summary>
    private void WriteSums(Run run, (int First, int End)[] inside)
    {
        int first = Seen(inside, sizes)[0], each = channels * taps;
        bool loopsChannels = channels > 1, loopsRows = sizes.KernelHeight > 1 || clipsRows, onePointer = ((together - 1) * each) + taps <= Reach;
        string start = CBlockText.Sum(
            (run.Start * sizes.StrideX) + first - sizes.Left,
            run.Count > 1 ? CBlockText.Times("j", run.Positions * sizes.StrideX) : "");
        string above = clipsRows ? CBlockText.Times("above", sizes.KernelWidth) : "";
        if (loopsChannels)
        {
            text.Line($"size_t channel = {start};");
            text.Line($"size_t k = {(above.Length == 0 ? "0u" : above)};");
            text.Line("size_t c;");
            text.Open($"for (c = {channels}u; c > 0u; c--)");
        }

        text.Line($"const {tileLoad.Type} *q0 = w0{(loopsChannels ? " + k" : above.Length == 0 ? "" : " + " + above)};");
        for (int t = 1; t < together && !onePointer; t++)
        {
            text.Line($"const {tileLoad.Type} *q{t} = q{t - 1} + {each}u;");
        }

        if (loopsRows)
        {
            text.Line($"size_t at = {(loopsChannels ? "channel" : start)};");
            text.Line("size_t u;");
            text.Open($"for (u = {(clipsRows ? "rows" : sizes.KernelHeight + "u")}; u > 0u; u--)");
        }

        text.Line($"const float *p = line + {(loopsRows ? "at" : loopsChannels ? "channel" : $"({start})")};");
        if (sizes.KernelWidth > WrittenOut)
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
            text.Line($"at += {sizes.DilationY * width}u;");
            for (int t = 0; t < (onePointer ? 1 : together); t++)
            {
                text.Line($"q{t} = &q{t}[{sizes.KernelWidth}];");
            }

            text.Close();
        }

        if (loopsChannels)
        {
            text.Line($"channel += {height * width}u;");
            text.Line($"k += {taps}u;");
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
    private void WriteTap(Run run, (int First, int End)[] inside, string tap, int first, HashSet<int> loaded, bool onePointer)
    {
        int each = channels * taps;
        bool isLoop = tap == "v";
        int v = isLoop ? 0 : int.Parse(tap, System.Globalization.CultureInfo.InvariantCulture);
        int[] positions = [.. Enumerable.Range(0, run.Positions).Where(p => isLoop || (inside[p].First <= v && v < inside[p].End))];
        if (positions.Length == 0)
        {
            return;
        }

        for (int t = 0; t < together; t++)
        {
            string index = onePointer ? CBlockText.Sum(isLoop ? t * each : (t * each) + v, isLoop ? "v" : "") : tap;
            string element = $"q{(onePointer ? 0 : t)}[{(isLoop ? index : index.TrimEnd('u'))}]";
            text.Line($"const float v{t}_{tap} = {tileLoad.Weight(element, "f" + CText.Number(t))};");
        }

        foreach (int p in positions)
        {
            int column = (p * sizes.StrideX) + (isLoop ? 0 : v * sizes.DilationX);
            if (loaded.Add(column))
            {
                string index = isLoop ? CBlockText.Sum(column, CBlockText.Times("v", sizes.DilationX)) : CText.Number(column - first);
                text.Line($"const float x{column} = p[{index}];");
            }

            for (int t = 0; t < together; t++)
            {
                text.Line($"{Name(t, p)} = EBP_M(x{column}, v{t}_{tap}, {Name(t, p)});");
            }
        }
    }

    /// <summary>Sums whose taps inside the image are found when they run: four outputs at once, or one after the other.</summary>
    private void WriteSumBySum(Run run)
    {
        // Of a kernel of one row the channels are its rows, and of one tap its columns.
        bool isRow = sizes.KernelHeight == 1 && !clipsRows, isTap = isRow && sizes.KernelWidth == 1 && !clipsColumns;
        int plane = height * width, each = channels * taps;
        program.Routine("conv_steps", CFunctions.None, Steps);
        string constant = program.Constant(
            "conv_steps",
            $"""
                .channels = {(isRow ? 1 : channels)}u, .x_column = {(isTap ? plane : sizes.DilationX)}u,
                .x_row = {(isRow ? plane : sizes.DilationY * width)}u, .x_channel = {plane}u,
                .w_row = {sizes.KernelWidth}u, .w_channel = {taps}u, .w_output = {each}u

            """);
        string function = together == 4 ? AskFour() : AskOne();
        if (clipsColumns)
        {
            CConvSizes.AskTaps(program);
        }

        string rowsInside = isTap ? "1u" : isRow ? channels + "u" : clipsRows ? "rows" : sizes.KernelHeight + "u";
        string above = clipsRows ? CBlockText.Times("above", sizes.KernelWidth) : "";
        for (int p = 0; p < run.Positions; p++)
        {
            string j = run.Count > 1 ? CBlockText.Times("j", run.Positions * sizes.StrideX) : "";
            string position = CBlockText.Sum((run.Start + p) * sizes.StrideX, j), columnsInside = (isTap ? channels : sizes.KernelWidth) + "u";
            text.Open();
            if (clipsColumns)
            {
                columnsInside = "columns";
                string column = $"({CBlockText.Sum((run.Start + p) * sizes.StrideX, j, CBlockText.Times("left", sizes.DilationX))}) - {sizes.Left}u";
                text.Line("size_t left;");
                text.Line(
                    $"const size_t columns = ebp_conv_taps({position}, {sizes.Left}u, {width}u, {sizes.DilationX}u, {sizes.KernelWidth}u, &left);");
                text.Line($"const float *p = line + (columns > 0u ? {column} : 0u);");
            }
            else
            {
                text.Line($"const float *p = line + ({position});");
            }

            string called = $"{function}({constant}, {rowsInside}, {columnsInside}, p, w0 + ";
            if (together == 4)
            {
                text.Line("float sum[4] = { b0, b1, b2, b3 };");
                text.Line($"{called}({CBlockText.Sum(0, above, clipsColumns ? "left" : "")}){(tileLoad.HasFactor ? ", w_scale + o" : "")}, sum);");
                text.Lines(Enumerable.Range(0, 4).Select(t => $"{Name(t, p)} = sum[{t}];"));
            }

            for (int t = 0; t < together && together < 4; t++)
            {
                string weight = CBlockText.Sum(t * each, above, clipsColumns ? "left" : "");
                text.Line($"{Name(t, p)} = {called}({weight}){(tileLoad.HasFactor ? ", f" + CText.Number(t) : "")}, {Name(t, p)});");
            }

            text.Close();
        }
    }

    /// <summary>Asks for conv_sum(steps, rows, columns, x, w, sum).</summary>
    private string AskOne() => program.Routine("conv_sum" + tileLoad.Suffix, CFunctions.MultiplyAdd | tileLoad.Functions, $$"""
        /* sum + the products of some rows and columns of the kernel with what they see, channel by channel.{{tileLoad.Remark}} */
        EBP_APART static float ebp_conv_sum{{tileLoad.Suffix}}(const ebp_conv_steps *s, size_t rows, size_t columns, const float *x, {{(
            tileLoad.HasFactor ? $"const {tileLoad.Type} *w, float f" : tileLoad.Parameter("w")
        )}}, float sum)
        {
            const size_t next = s->x_column;
            size_t channel = 0u;
            size_t k = 0u;
            size_t c;
            for (c = s->channels; c > 0u; c--) {
                const {{tileLoad.Type}} *row = w + k;
                size_t at = channel;
                size_t u;
                for (u = rows; u > 0u; u--) {
                    size_t column = at;
                    size_t v;
                    for (v = 0u; v < columns; v++) {
                        sum = EBP_M(x[column], {{tileLoad.Weight("row[v]", "f")}}, sum);
                        column += next;
                    }
                    at += s->x_row;
                    row = &row[s->w_row];
                }
                channel += s->x_channel;
                k += s->w_channel;
            }
            return sum;
        }

        """);

    /// <summary>Asks for conv_sums(steps, rows, columns, x, w, sum[4]).</summary>
    private string AskFour() => program.Routine("conv_sums" + tileLoad.Suffix, CFunctions.MultiplyAdd | tileLoad.Functions, $$"""
        /* For four outputs: sum + the products of some rows and columns of the kernel with what they see, channel by channel.{{tileLoad.Remark}} */
        EBP_APART static void ebp_conv_sums{{tileLoad.Suffix}}(const ebp_conv_steps *s, size_t rows, size_t columns, const float *x, {{(
            tileLoad.Parameter("w")
        )}}, float *sum)
        {
            const size_t next = s->x_column;
            const size_t output = s->w_output;
        {{string.Concat(Enumerable.Range(0, 4).Select(t => tileLoad.Factor("    ", $"f{t}", "w", $"{t}u")))}}    float s0 = sum[0];
            float s1 = sum[1];
            float s2 = sum[2];
            float s3 = sum[3];
            size_t channel = 0u;
            size_t k = 0u;
            size_t c;
            for (c = s->channels; c > 0u; c--) {
                const {{tileLoad.Type}} *w0 = w + k;
                size_t at = channel;
                size_t u;
                for (u = rows; u > 0u; u--) {
                    const {{tileLoad.Type}} *w1 = w0 + output;
                    const {{tileLoad.Type}} *w2 = w1 + output;
                    const {{tileLoad.Type}} *w3 = w2 + output;
                    size_t column = at;
                    size_t v;
                    for (v = 0u; v < columns; v++) {
                        const float xv = x[column];
                        s0 = EBP_M(xv, {{tileLoad.Weight("w0[v]", "f0")}}, s0);
                        s1 = EBP_M(xv, {{tileLoad.Weight("w1[v]", "f1")}}, s1);
                        s2 = EBP_M(xv, {{tileLoad.Weight("w2[v]", "f2")}}, s2);
                        s3 = EBP_M(xv, {{tileLoad.Weight("w3[v]", "f3")}}, s3);
                        column += next;
                    }
                    at += s->x_row;
                    w0 = &w0[s->w_row];
                }
                channel += s->x_channel;
                k += s->w_channel;
            }
            sum[0] = s0;
            sum[1] = s1;
            sum[2] = s2;
            sum[3] = s3;
        }

        """);

    /// <summary>Stores the results of an output, or joins them with those of the window's rows before.</summary>
    private void WriteResults(Run run, int t)
    {
        int windows = run.Positions / windowWidth;
        string j = run.Count > 1 ? CBlockText.Times("j", windows) : "";
        for (int n = 0; n < windows; n++)
        {
            string at = $"to[{CBlockText.Sum((t * rows * columns) + (run.Start / windowWidth) + n, j)}]";
            string[] sums = [.. Enumerable.Range(n * windowWidth, windowWidth).Select(p => Name(t, p))];
            if (pool is null)
            {
                text.Line($"{at} = {sums[0]};");
                continue;
            }

            text.Open();
            WriteWindow(at, sums);
            text.Close();
        }
    }

    /// <summary>Kernels/Scalar/Pooling/Pool2D.cs: the window's elements in their order.</summary>
    private void WriteWindow(string at, string[] sums)
    {
        bool joins = windowHeight > 1;
        if (pool is not MaxPooling)
        {
            text.Line(joins ? $"float m = r > 0u ? {at} : 0.0f;" : "float m = 0.0f;");
            text.Lines(sums.Select(sum => $"m = m + {sum};"));
            string mean = $"m = m / {windowHeight * windowWidth}.0f;";
            if (joins)
            {
                text.Open($"if (r == {windowHeight - 1}u)");
                text.Line(mean);
                text.Close();
            }
            else
            {
                text.Line(mean);
            }
        }
        else if (startsAtZero)
        {
            text.Line(joins ? $"float m = r > 0u ? {at} : 0.0f; /* max(z, 0) comes with it */" : "float m = 0.0f; /* max(z, 0) comes with it */");
            text.Lines(sums.Select(sum => $"m = {sum} > m ? {sum} : m;"));
        }
        else
        {
            text.Line($"float m = {sums[0]};");
            if (joins)
            {
                text.Open("if (r > 0u)");
                text.Line($"m = m > {at} ? m : {at};");
                text.Close();
            }

            text.Lines(sums.Skip(1).Select(sum => $"m = {sum} > m ? {sum} : m;"));
        }

        text.Line($"{at} = m;");
    }
}
