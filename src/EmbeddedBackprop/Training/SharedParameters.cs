namespace EmbeddedBackprop.Training;

/// <summary>
/// Parameters and state that a network shares with its predictors, and how often they changed: what a predictor made of them is valid for one
/// version.
/// </summary>
internal sealed class SharedParameters(Memory<float> parameters, Memory<float> state)
{
    // Odd while the network changes them.
    private int version;

    /// <summary>The parameters.</summary>
    public Memory<float> Parameters { get; } = parameters;

    /// <summary>The state, of which predictors read what files hold: running means, scales.</summary>
    public Memory<float> State { get; } = state;

    /// <summary>
    /// Whether a span to them was handed out: nobody sees who writes through one, so nothing that is made of them lasts longer than a prediction.
    /// </summary>
    public bool IsExposed { get; set; }

    /// <summary>How often they changed.</summary>
    public int Version => Volatile.Read(ref version);

    /// <summary>They change now, by code that ends before the next prediction.</summary>
    public void Touch() => Volatile.Write(ref version, version + 2);

    /// <summary>They change until the result is disposed of; changes may be nested.</summary>
    public Change BeginChange() => new(this);

    /// <summary>Begins a prediction.</summary>
    /// <returns>The version that it reads.</returns>
    /// <exception cref="InvalidOperationException">Another thread is changing parameters.</exception>
    public int BeginRead()
    {
        int now = Volatile.Read(ref version);
        if ((now & 1) != 0)
        {
            TrainingErrors.ParametersChange();
        }

        return now;
    }

    /// <summary>Ends a prediction.</summary>
    /// <exception cref="InvalidOperationException">Another thread has changed parameters in the meantime.</exception>
    public void EndRead(int began)
    {
        if (Volatile.Read(ref version) != began)
        {
            TrainingErrors.ParametersChange();
        }
    }

    /// <summary>The time of a change.</summary>
    public readonly ref struct Change
    {
        private readonly SharedParameters? shared;

        internal Change(SharedParameters shared)
        {
            if ((shared.version & 1) == 0)
            {
                this.shared = shared;
                Volatile.Write(ref shared.version, shared.version + 1);
            }
        }

        /// <summary>The change is complete.</summary>
        public void Dispose()
        {
            if (shared is not null)
            {
                Volatile.Write(ref shared.version, shared.version + 1);
            }
        }
    }
}
