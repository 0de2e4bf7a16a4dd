namespace EmbeddedBackprop.Optimizers;

/// <summary>Changes parameters by their gradients. The object holds settings only; its state is a span that the network owns.</summary>
public abstract class Optimizer
{
    /// <summary>The name in tables and model files.</summary>
    public abstract string Name { get; }

    /// <summary>Its settings, for the model file: <c>Registry.Optimizer(Name, Settings)</c> makes its like.</summary>
    public virtual OptimizerSettings Settings => new();

    /// <summary>How many floats are kept per parameter.</summary>
    public virtual int StateArrays => 0;

    /// <summary>How many floats are kept per network.</summary>
    public virtual int StateScalars => 0;

    /// <summary>Whether weight decay is applied to the weights by the optimiser itself (AdamW) instead of being added to the gradient.</summary>
    public virtual bool DecouplesDecay => false;

    /// <summary>Floats of state for a flat parameter span of the given length.</summary>
    /// <exception cref="ArgumentException">The state does not fit into one span.</exception>
    public int StateLength(int parameterLength)
    {
        long length = ((long)StateArrays * parameterLength) + StateScalars;
        if (length > int.MaxValue)
        {
            Errors.TooLarge(Name + " state", length);
        }

        return (int)length;
    }

    /// <summary>Sets the scalars before the first step; arrays begin as 0.</summary>
    public virtual void Reset(Span<float> scalars) => scalars.Clear();

    /// <summary>Moves the scalars on, once per step, before any tensor is updated.</summary>
    public virtual void BeginStep(Span<float> scalars)
    {
    }

    /// <summary>
    /// The formula as trees, which the exporter prints as C; null for an optimiser that is no <see cref="FormulaOptimizer{TFormula}"/>.
    /// </summary>
    internal virtual UpdateText? Text => null;

    /// <summary>Updates one tensor by the SIMD kernels.</summary>
    public abstract void Update(in UpdateContext c);

    /// <summary>The definition of <see cref="Update"/>, one element at a time: the same bits.</summary>
    public abstract void UpdateScalar(in UpdateContext c);
}
