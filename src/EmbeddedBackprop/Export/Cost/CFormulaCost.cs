using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export.Cost;

/// <summary>About how many instructions a formula takes, counted from its tree: gcc -Os for Cortex-M4F.</summary>
/// <remarks>
/// Of a select's arms, one of next to nothing is taken for the exception; of two that compute something each is taken every other time. In a loop
/// constants stay in registers, in a function they are loaded. The weights are fitted to the emulator's counts for the activations
/// (CCostTests.Calibrate).
/// </remarks>
internal static class CFormulaCost
{
    private const double One = 1, Select = 2, OneOfBits = 0.5, Load = 0.35, Call = 3;

    /// <summary>sin and cos, which have C of their own.</summary>
    private const double CallOfItsOwn = 45;

    private const double NextToNothing = 5;

    /// <summary>The instructions of a value in a loop, those of the loop aside.</summary>
    public static double Of(LaneText value) => Of(value, load: 0);

    private static double Of(LaneText value, double load)
    {
        CFormulaTree tree = new([new CResult("return", value)]);
        return OfBlock(tree.Block);

        double OfBlock(CBlock block) => tree.Values.Where(each => each.Block == block).Sum(OfValue);

        double OfValue(CValue each) => each.Node.Operation switch
        {
            Operation.Input => 0,
            Operation.Constant => load,
            Operation.IfGreater or Operation.IfNaN => Select + OfArms(OfBlock(each.Then!), OfBlock(each.Otherwise!)),
            Operation.Call => Call + (CMath.FormulaOf(each.Node.Name) is { } formula ? Of(formula, Load) : CallOfItsOwn),
            _ => each.Node.IsBits ? OneOfBits : One,
        };
    }

    private static double OfArms(double then, double otherwise) =>
        Math.Min(then, otherwise) < NextToNothing ? Math.Max(then, otherwise) : (then + otherwise) / 2;
}
