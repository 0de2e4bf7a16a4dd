using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// The function of a block in C: a convolution and what follows it, tile by tile. The sums of a tile
/// (<see cref="CConvTiles"/>) stay in registers until normalisation, activation and the windows of a pooling are done. The sums are those of
/// Kernels/Scalar/Convolution/Conv.cs.
/// </summary>
/// <remarks>
/// The sizes are constants of the function. Rows of the kernel that are outside the image are left out by the loop's bounds; tiles at the left and
/// right edge have code of their own, in which the missing taps do not occur. Windows of several rows meet in the output's memory: the map
/// before the pooling is nowhere. Where the C is to be small (<see cref="CFavor.Size"/>), every sum is a call of one routine that all blocks share.
/// </remarks>
internal sealed class CConvBlock
{
    private readonly CBlockText text = new();
    private readonly CWeightLoad load;
    private readonly ConvSizes sizes;
    private readonly CBlockStage[] stages;
    private readonly Pooling? pool;
    private readonly bool startsAtZero;
    private readonly CConvTiles tiles;
    private readonly CConvSums sums;

    private CConvBlock(CProgram program, CWeightLoad load, ConvSizes sizes, CBlockStage[] stages, Pooling? pool)
    {
        (this.load, this.sizes, this.pool) = (load, sizes, pool);
        tiles = new CConvTiles(in sizes, load.Storage, pool, program.IsSmall);
        sums = new CConvSums(program, tiles, tiles.Widens ? CWeightLoad.Float : load, text);
        // The largest of max(z, 0) begins with 0, and needs no max(z, 0) any more: NaN is never larger, and neither is -0.
        startsAtZero = pool is MaxPooling && stages.Length > 0 && stages[^1].IsRelu;
        this.stages = startsAtZero ? stages[..^1] : stages;
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
        if (block.tiles.ClipsRows)
        {
            CConvSizes.AskTaps(program);
        }

        block.WriteBody();
        CFunctions functions = block.stages.Aggregate(CFunctions.MultiplyAdd | load.Functions, (all, stage) => all | stage.Functions);
        string kernel = $"{sizes.KernelHeight}x{sizes.KernelWidth}";
        string body = block.text.ToString(), remark = load.Remark, parameters = block.Parameters;
        string what = $"{sizes.Channels} channels of {sizes.Height} x {sizes.Width}, kernel {sizes.KernelHeight} x {sizes.KernelWidth}: "
            + $"{CText.Number(block.tiles.TilePositions)} positions of {CText.Number(block.tiles.Together)} output{(block.tiles.Together == 1 ? "" : "s")} at once."
            + (block.pool is null ? "" : $" Windows of {block.tiles.WindowHeight} x {block.tiles.WindowWidth} are joined in y.");
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

    private void WriteBody()
    {
        List<CTileRun> runs = tiles.Runs();
        text.OpenBody();
        text.Line("size_t o;");
        if (tiles.Widens)
        {
            text.Line($"float wide[{tiles.Together * tiles.Channels * tiles.Taps}];");
        }

        bool loopsRows = tiles.Rows > 1, loopsWindow = tiles.WindowHeight > 1;
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

        text.Open($"for (o = 0u; o < {sizes.Outputs}u; {(tiles.Together == 1 ? "o++" : $"o += {tiles.Together}u")})");
        WriteOutputs(readsFactors: tiles.Together != 4 || tiles.Widens || runs.Any(run => run.Inside is not null));
        if (loopsRows)
        {
            text.Open($"for (i = 0u; i < {tiles.Rows}u; i++)");
        }

        if (loopsWindow)
        {
            text.Open($"for (r = 0u; r < {tiles.WindowHeight}u; r++)");
        }

        WriteRow(loopsRows ? CBlockText.Times("i", tiles.WindowHeight) : "", loopsWindow ? "r" : "");
        foreach (CTileRun run in runs)
        {
            WriteRun(run);
        }

        for (int i = (loopsRows ? 1 : 0) + (loopsWindow ? 1 : 0); i >= 0; i--)
        {
            text.Close();
        }

        text.Close();
    }

    /// <summary>What the output channels of a tile have of their own.</summary>
    private void WriteOutputs(bool readsFactors)
    {
        int each = tiles.WeightsOfOutput;
        string weights = CBlockText.Times("o", each);
        text.Line($"const {load.Type} *{(tiles.Widens ? "stored" : "w0")} = {(weights.Length == 0 ? "w" : $"w + {weights}")};");
        if (sizes.Groups > 1)
        {
            string group = tiles.Outputs == 1 ? "o" : $"(o / {tiles.Outputs}u)";
            text.Line($"const float *group = x + ({group} * {tiles.Channels * tiles.Height * tiles.Width}u);");
        }

        for (int t = 0; t < tiles.Together; t++)
        {
            string channel = t == 0 ? "o" : $"o + {t}u";
            text.Line($"const float b{t} = b[{channel}];");
            if (load.HasFactor && readsFactors)
            {
                text.Line(load.Factor("", "f" + CText.Number(t), "w", channel).TrimEnd());
            }

            text.Lines(stages.SelectMany(stage => stage.Factors(channel, CText.Number(t))));
        }

        if (tiles.Widens)
        {
            text.Line("const float *w0 = wide;");
            text.Line("size_t n;");
            text.Open($"for (n = 0u; n < {each}u; n++)");
            for (int t = 0; t < tiles.Together; t++)
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
        if (tiles.ClipsRows)
        {
            string position = first.Length == 0 ? "0u" : first;
            text.Line("size_t above;");
            text.Line(
                $"const size_t rows = ebp_conv_taps({position}, {sizes.Top}u, {tiles.Height}u, {sizes.DilationY}u, {sizes.KernelHeight}u, &above);");
            string y = $"({CBlockText.Sum(0, first, CBlockText.Times("above", sizes.DilationY))}) - {sizes.Top}u";
            bool mayBeEmpty = Enumerable.Range(0, tiles.Rows * tiles.WindowHeight).Any(row => tiles.RowsInside(row) == 0);
            text.Line($"const float *line = {image} + ({(mayBeEmpty ? $"(rows > 0u ? {y} : 0u)" : $"({y})")} * {tiles.Width}u);");
        }
        else
        {
            string at = CBlockText.Times(first, tiles.Width);
            text.Line($"const float *line = {image}{(at.Length == 0 ? "" : " + " + at)};");
        }

        string to = CBlockText.Sum(0, CBlockText.Times("o", tiles.Rows * tiles.Columns), tiles.Rows > 1 ? CBlockText.Times("i", tiles.Columns) : "");
        text.Line($"float *to = y + ({to});");
    }

    private void WriteRun(CTileRun run)
    {
        bool loops = run.Count > 1;
        text.Open(loops ? $"for (j = 0u; j < {run.Count}u; j++)" : "");
        for (int t = 0; t < tiles.Together; t++)
        {
            for (int p = 0; p < run.Positions; p++)
            {
                text.Line($"float {CConvSums.Name(t, p)} = b{t};");
            }
        }

        sums.Write(run);
        for (int t = 0; t < tiles.Together; t++)
        {
            for (int p = 0; p < run.Positions; p++)
            {
                text.Lines(stages.SelectMany(stage => stage.Apply(CConvSums.Name(t, p), CText.Number(t))));
            }
        }

        for (int t = 0; t < tiles.Together; t++)
        {
            WriteResults(run, t);
        }

        text.Close();
    }

    /// <summary>Stores the results of an output, or joins them with those of the window's rows before.</summary>
    private void WriteResults(CTileRun run, int t)
    {
        int windows = run.Positions / tiles.WindowWidth;
        string j = run.Count > 1 ? CBlockText.Times("j", windows) : "";
        for (int n = 0; n < windows; n++)
        {
            string at = $"to[{CBlockText.Sum((t * tiles.Rows * tiles.Columns) + (run.Start / tiles.WindowWidth) + n, j)}]";
            string[] sums = [.. Enumerable.Range(n * tiles.WindowWidth, tiles.WindowWidth).Select(p => CConvSums.Name(t, p))];
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
        bool joins = tiles.WindowHeight > 1, isMean = pool is not MaxPooling, fromZero = isMean || startsAtZero;
        text.Line(!fromZero
            ? $"float m = {sums[0]};"
            : $"float m = {(joins ? $"r > 0u ? {at} : " : "")}0.0f;{(isMean ? "" : " /* max(z, 0) comes with it */")}");
        if (joins && !fromZero)
        {
            text.Open("if (r > 0u)");
            text.Line($"m = m > {at} ? m : {at};");
            text.Close();
        }

        text.Lines(sums.Skip(fromZero ? 0 : 1).Select(sum => isMean ? $"m = m + {sum};" : $"m = {sum} > m ? {sum} : m;"));
        string mean = $"m = m / {tiles.WindowHeight * tiles.WindowWidth}.0f;";
        if (isMean && joins)
        {
            text.Open($"if (r == {tiles.WindowHeight - 1}u)");
            text.Line(mean);
            text.Close();
        }
        else if (isMean)
        {
            text.Line(mean);
        }

        text.Line($"{at} = m;");
    }
}
