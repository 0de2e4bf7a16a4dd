using System.Runtime.Intrinsics;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Tests.Support;

/// <summary>The vector widths this processor and runtime can run, as LaneDispatch names them: 1, 128, 256, 512 and 0 for Vector&lt;T&gt;.</summary>
internal static class Widths
{
    /// <summary>Every width that can be tested here, the narrowest first.</summary>
    public static int[] Available { get; } =
        [1, 128, .. Vector256.IsHardwareAccelerated ? new[] { 256 } : [], .. Vector512.IsHardwareAccelerated ? new[] { 512 } : [], 0];

    private static readonly Lock Changing = new();

    /// <summary>Both arithmetics.</summary>
    public static Arithmetic[] Arithmetics { get; } = [Arithmetic.Fused, Arithmetic.Separate];

    /// <summary>Runs an action at every width and puts the width back, whatever happens. The width is the process's: one at a time.</summary>
    public static void ForEach(Action<int> action)
    {
        using Lock.Scope alone = Changing.EnterScope();
        int before = LaneDispatch.Width;
        try
        {
            foreach (int width in Available)
            {
                LaneDispatch.Width = width;
                action(width);
            }
        }
        finally
        {
            LaneDispatch.Width = before;
        }
    }
}
