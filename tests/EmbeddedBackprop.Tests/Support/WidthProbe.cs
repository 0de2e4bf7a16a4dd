using System.Globalization;
using System.Numerics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Probe;

namespace EmbeddedBackprop.Tests.Support;

/// <summary>The output of a child process about its vectors and the weights it trains.</summary>
internal static class WidthProbe
{
    /// <summary>Updates of the net with convolutions and a recurrent layer.</summary>
    public const int LayersSteps = 5;

    /// <summary>
    /// A line of Vector&lt;float&gt;.Count, 256 and 512 bit in hardware, fused multiply-add and the chosen width, and a line of hashes an arithmetic.
    /// </summary>
    public static void Print(string steps)
    {
        Console.WriteLine(
            $"{Vector<float>.Count} {Vector256.IsHardwareAccelerated} {Vector512.IsHardwareAccelerated} {Fma.IsSupported} {LaneDispatch.Width}");
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            string hash = HashRun.Train(arithmetic, int.Parse(steps, CultureInfo.InvariantCulture)).Hash;
            Console.WriteLine($"{arithmetic} {hash} {LayersRun.Train(arithmetic, LayersSteps)}");
        }
    }
}
