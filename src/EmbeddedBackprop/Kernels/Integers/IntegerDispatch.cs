using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>A kernel written once over integer lanes; <see cref="IntegerDispatch"/> picks the lanes it runs on.</summary>
internal interface IIntegerKernel<TArguments> where TArguments : allows ref struct
{
    /// <summary>Runs the kernel; every row holds one whole vector of <typeparamref name="T"/> at least.</summary>
    static abstract void Run<T>(in TArguments arguments) where T : struct, IIntegerLanes<T>;
}

/// <summary>Integer lanes of the width that <see cref="LaneDispatch"/> has chosen.</summary>
internal static class IntegerDispatch
{
    /// <summary>Runs a kernel at the chosen width, or at the widest one below it that a row of so many columns fills.</summary>
    public static void RunWithin<TKernel, TArguments>(int columns, in TArguments arguments)
        where TKernel : struct, IIntegerKernel<TArguments>
        where TArguments : allows ref struct
    {
        int width = LaneDispatch.WidthWithin(columns);

        if (LaneDispatch.Has512 && width == 512)
        {
            TKernel.Run<IntegerLanes512>(in arguments);
        }
        else if (LaneDispatch.Has256 && width == 256)
        {
            TKernel.Run<IntegerLanes256>(in arguments);
        }
        else if (width == 128)
        {
            TKernel.Run<IntegerLanes128>(in arguments);
        }
        else if (width == 1 || !LaneDispatch.HasAny)
        {
            TKernel.Run<IntegerLane>(in arguments);
        }
        else
        {
            TKernel.Run<IntegerLanesAny>(in arguments);
        }
    }
}
