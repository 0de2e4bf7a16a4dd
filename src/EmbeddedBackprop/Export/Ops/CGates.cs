using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Gates;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// The loop body of a recurrent time step in C, between the products: the formulas of a cell for unit j, printed. In the C, p holds the products of
/// the inputs and q those of the hidden state, each with its bias, as [gate][unit]; units is H.
/// </summary>
internal abstract class CGates
{
    /// <summary>The name of the routines.</summary>
    public required string Name { get; init; }

    /// <summary>The equations, for a person.</summary>
    public required string Equations { get; init; }

    /// <summary>The cell of an op.</summary>
    public static CGates Of(Recurrent op) => op switch
    {
        Lstm => new CGates<LstmCell> { Name = "lstm", Equations = "i, f, o = sigmoid, g = tanh, c = f c + i g, h = o tanh c" },
        Gru => new CGates<GruCell> { Name = "gru", Equations = "r, z = sigmoid, n = tanh(x_n + r h_n), h = n + z (h - n)" },
        Rnn { Function: RecurrentFunction.Relu } => new CGates<RnnCell<ReluCurve>> { Name = "rnn_relu", Equations = "h = max(z, 0)" },
        _ => new CGates<RnnCell<TanhCurve>> { Name = "rnn_tanh", Equations = "h = tanh z" },
    };

    /// <summary>h and the cell in place.</summary>
    public abstract CFormulaText Predict(int depth);

    /// <summary>
    /// The same from before to after and from cell to cell + next, with all that the backward step reads: gates in the memory of p, and the tanh of
    /// the cell.
    /// </summary>
    public abstract CFormulaText Keep(int depth);

    /// <summary>
    /// The deltas of the gates in place of the gates, dL/dc in place, and in the memory of dL/dh the start of the chain of dL/dh before the step.
    /// </summary>
    public abstract CFormulaText Back(int depth);
}

/// <inheritdoc/>
internal sealed class CGates<TCell> : CGates where TCell : struct, IRecurrentCell
{
    /// <summary>Names of the routines' parameters and variables.</summary>
    private static readonly string[] Taken =
    [
        "r_sizes", "layer", "x", "mask", "wx", "wh", "bx", "bh", "products", "saved", "state", "state_c", "y", "dy", "dx", "dwx", "dwh", "dbx", "dbh",
        "units", "columns", "blocks", "next", "whole", "place", "last", "p", "q", "s", "b", "j", "t", "h", "before", "after", "cell", "cell_tanh",
        "delta", "dh", "dc", "up", "at",
    ];

    /// <inheritdoc/>
    public override CFormulaText Predict(int depth)
    {
        UnitState<LaneText> unit = Forward("h[j]", "cell[j]");
        return Print(depth, [.. TCell.HasCell ? new[] { new CResult("cell[j] =", unit.Cell) } : [], new("h[j] =", unit.Hidden)]);
    }

    /// <inheritdoc/>
    public override CFormulaText Keep(int depth)
    {
        UnitState<LaneText> unit = Forward("before[j]", "cell[j]");
        List<CResult> results = TCell.HasCell ? [new("cell[next + j] =", unit.Cell), new("cell_tanh[j] =", unit.CellTanh)] : [];
        results.Add(new("after[j] =", unit.Hidden));
        Add(results, "p", unit.Gates, TCell.Kept);
        return Print(depth, results);
    }

    /// <inheritdoc/>
    public override CFormulaText Back(int depth)
    {
        UnitMemory<LaneText> u = new()
        {
            HiddenBefore = LaneText.Input("h_before", "before[j]"),
            Hidden = LaneText.Input("h_after", "after[j]"),
            CellBefore = LaneText.Input("c_before", "cell[j]"),
            CellTanh = LaneText.Input("tanh_c", "cell_tanh[j]"),
            HiddenGradient = LaneText.Input("d_h", "dh[j]"),
            CellGradient = LaneText.Input("d_cell", "dc[j]"),
        };
        for (int gate = 0; gate < TCell.Kept; gate++)
        {
            u.Gates[gate] = LaneText.Input(TCell.GateName(gate), Element("delta", gate));
        }

        UnitDeltas<LaneText> unit = TCell.Backward(in u);
        List<CResult> results = [];
        Add(results, "delta", unit.Gates, TCell.Deltas);
        if (TCell.HasCell)
        {
            results.Add(new("dc[j] =", unit.CellBefore));
        }

        if (TCell.PassesHidden)
        {
            results.Add(new("dh[j] =", unit.HiddenBefore));
        }

        CFormulaText c = Print(depth, results);
        string[] chain = TCell.PassesHidden ? ["if (up != NULL) {", "    dh[j] = up[j] + dh[j];", "}"] : ["dh[j] = up != NULL ? up[j] : 0.0f;"];
        return c with { Text = c.Text + string.Concat(chain.Select(line => $"{new string(' ', 4 * depth)}{line}\n")) };
    }

    private static UnitState<LaneText> Forward(string hidden, string cell)
    {
        UnitInput<LaneText> u = new() { HiddenBefore = LaneText.Input("h_before", hidden), CellBefore = LaneText.Input("c_before", cell) };
        for (int gate = 0; gate < TCell.Gates; gate++)
        {
            u.Input[gate] = LaneText.Input("x_" + TCell.GateName(gate), Element("p", gate));
            u.Recurrent[gate] = LaneText.Input("h_" + TCell.GateName(gate), Element("q", gate));
        }

        u.Activate<TCell>();
        return TCell.Forward(in u);
    }

    private static void Add(List<CResult> results, string array, GateValues<LaneText> gates, int count)
    {
        for (int gate = 0; gate < count; gate++)
        {
            results.Add(new(Element(array, gate) + " =", gates[gate]));
        }
    }

    /// <summary>Unit j of a gate.</summary>
    private static string Element(string array, int gate) => gate switch
    {
        0 => $"{array}[j]",
        1 => $"{array}[units + j]",
        _ => $"{array}[({CText.Number(gate)}u * units) + j]",
    };

    private static CFormulaText Print(int depth, List<CResult> results) => CFormula.Print(depth, Taken, [.. results]);
}
