using EmbeddedBackprop.Activations;

namespace EmbeddedBackprop.Tests.Activations;

/// <summary>A user's own activation: z^3. Nothing but the interface is needed.</summary>
internal readonly struct Cube : IActivationFunction
{
    public static string Name => "cube";

    public static bool DerivativeReadsInput => true;

    public static T Value<T>(T z) where T : struct, ILanes<T> => z * (z * z);

    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => T.Constant(3.0) * (z * z);
}

/// <summary>The same with a flipped sign in the derivative: the checks must catch it.</summary>
internal readonly struct FlippedCube : IActivationFunction
{
    public static string Name => "flipped-cube";

    public static bool DerivativeReadsInput => true;

    public static T Value<T>(T z) where T : struct, ILanes<T> => z * (z * z);

    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => T.Constant(-3.0) * (z * z);
}
