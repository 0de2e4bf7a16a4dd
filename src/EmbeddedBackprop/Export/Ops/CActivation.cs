using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>An activation in C.</summary>
/// <param name="activation">The activation.</param>
internal abstract class CActivation(Activation activation)
{
    /// <summary>Its name in comments.</summary>
    public string Name => CText.Comment(activation.Name);

    /// <summary>Its formula, for a reader of the C.</summary>
    public virtual string Formula => activation.Equation.Length == 0 ? $"a = {Name}(z)" : CText.Equation(activation.Equation);

    /// <summary>The activation's class.</summary>
    public Type Type => activation.GetType();

    /// <summary>a = f(z) over the elements of one sample; z and a may be the same.</summary>
    public abstract void Write(CProgram program, int length, string z, string a);

    /// <summary>
    /// delta = dC/da f'(z) over the elements of one sample, in place in d. z is read only where the activation keeps it (Activation.KeepsInput).
    /// </summary>
    public abstract void WriteBackward(CProgram program, int length, string z, string a, string d);
}
