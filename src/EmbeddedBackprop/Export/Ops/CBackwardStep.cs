using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>The backward pass of a step as an op's C sees it.</summary>
/// <remarks>
/// All addresses are C expressions of one sample inside the frame's loop over the samples, or of the first of <see cref="CStep.Batch"/> rows where
/// the op takes the whole batch (<see cref="COp.TakesBatch"/>). The function has <c>model</c>, <c>parameters</c>, <c>gradients</c>, <c>state</c>,
/// <c>arena</c>, and
/// <c>rate</c> where weights change at once.
/// </remarks>
/// <param name="Forward">
/// Inputs, output, weights (<see cref="CStep.Tables"/>), saved values, sizes: as the forward pass saw them. A value that the plan dropped may be
/// gone.
/// </param>
/// <param name="OutputGradient">dL/d(output), which the op may overwrite (delta in place). A loss has none.</param>
/// <param name="InputGradients">The address for dL/d(input k); null where nothing reads it, as for the first layer.</param>
/// <param name="ContinueInputGradients">
/// Whether it continues from the value that a later reader of the same node wrote there, instead of beginning with +0.
/// </param>
/// <param name="Tensors">The op's parameters in order; null for one that is not trained (frozen): it gets no gradient.</param>
/// <param name="Scratch">Memory of BackwardScratchLength that dies with the step; NULL where there is none.</param>
/// <param name="LogicalBatch">Samples of one update: a loss is their mean.</param>
internal sealed record CBackwardStep(
    CStep Forward,
    string OutputGradient,
    string?[] InputGradients,
    bool[] ContinueInputGradients,
    CTensor?[] Tensors,
    string Scratch,
    int LogicalBatch)
{
    /// <summary>The step.</summary>
    public Step Step => Forward.Step;

    /// <summary>The layer's index, counted from 1.</summary>
    public int Number => Forward.Number;

    /// <summary>The layer's name, fit for a comment.</summary>
    public string Name => Forward.Name;

    /// <summary>Adds the statement that clears an input's gradient before a routine that adds to it, unless it continues.</summary>
    public void Begin(CProgram program, int input)
    {
        if (InputGradients[input] is { } dx && !ContinueInputGradients[input])
        {
            program.Statement($"(void)memset({dx}, 0, {CText.Size(Forward.InputShape(input).Length)} * sizeof(float));");
        }
    }

    /// <summary>
    /// Adds the statement that hands a gradient on to an input: dx = d, or dx = dx + d where it continues; nothing if nothing reads it or
    /// it is there already.
    /// </summary>
    /// <param name="program">Collects the C.</param>
    /// <param name="length">How many elements.</param>
    /// <param name="d">The C expression of the gradient.</param>
    /// <param name="input">Which input.</param>
    /// <param name="first">The first of the input's elements that it is handed to.</param>
    public void PassOn(CProgram program, int length, string d, int input, int first = 0)
    {
        if (InputGradients[input] is not { } place)
        {
            return;
        }

        string dx = CText.At(place, first);
        if (ContinueInputGradients[input])
        {
            string add = program.Routine("add_to", CFunctions.None, """
                /* y[i] = y[i] + x[i] */
                static void ebp_add_to(size_t n, const float *x, float *y)
                {
                    size_t i;
                    for (i = 0u; i < n; i++) {
                        y[i] = y[i] + x[i];
                    }
                }

                """);
            program.Statement($"{add}({CText.Size(length)}, {d}, {dx});");
        }
        else if (d != dx)
        {
            program.Copy(length, d, dx);
        }
    }
}
