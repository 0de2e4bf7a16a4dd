namespace EmbeddedBackprop.Onnx.Writing;

/// <summary>Ops on signals are not said in ONNX: its transforms have an order of sums of their own, and runtimes for devices lack them.</summary>
internal static class SignalWriters
{
    /// <summary>Refuses the op by name.</summary>
    public static void Refuse(StepWriter step) => WritingErrors.Signal(step.Name, step.Op.Kind);
}
