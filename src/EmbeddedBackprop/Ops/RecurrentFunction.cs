namespace EmbeddedBackprop.Ops;

/// <summary>The function of a simple recurrent layer.</summary>
public enum RecurrentFunction
{
    /// <summary>The hyperbolic tangent.</summary>
    Tanh,

    /// <summary>max(z, 0).</summary>
    Relu,
}
