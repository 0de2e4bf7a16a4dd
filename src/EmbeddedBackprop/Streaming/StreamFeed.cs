namespace EmbeddedBackprop.Streaming;

/// <summary>How a net is fed along time.</summary>
/// <param name="Hop">Steps of time from decision to decision; 0 for as few as the strides allow.</param>
/// <param name="Carry">Whether recurrent layers carry their state from hop to hop, also those that begin each window anew.</param>
/// <param name="EachStep">
/// Whether it is fed one step a call, and decides from the first one on: nothing may look at several steps at once, and inputs may be without time.
/// </param>
internal sealed record StreamFeed(int Hop, bool Carry, bool EachStep = false)
{
    /// <summary>One time step a call.</summary>
    public static StreamFeed OneStep { get; } = new(Hop: 1, Carry: true, EachStep: true);

    /// <summary>As the options ask.</summary>
    public static StreamFeed Of(StreamOptions options) => new(options.Hop, options.Carry);
}
