using EmbeddedBackprop.IO;
using EmbeddedBackprop.Optimizers;

namespace EmbeddedBackprop.Tests.Optimizers;

/// <summary>Every optimiser with the formula of its textbook in double, written by itself and not after the library's.</summary>
internal static class OptimizerCases
{
    public static IReadOnlyList<string> Names => Registry.OptimizerNames;

    /// <summary>All steps of one parameter.</summary>
    public static double Reference(string name, double w, ReadOnlySpan<float> gradients, double eta, double decay)
    {
        double v = 0, m = 0, s = 0;
        for (int t = 1; t <= gradients.Length; t++)
        {
            double g = gradients[t - 1];
            switch (name)
            {
                case "sgd":
                    w -= eta * g;
                    break;
                case "momentum":
                    v = (0.9 * v) + g;
                    w -= eta * v;
                    break;
                case "nesterov":
                    v = (0.9 * v) + g;
                    w -= eta * (g + (0.9 * v));
                    break;
                case "adagrad":
                    s += g * g;
                    w -= eta * g / (Math.Sqrt(s) + 1e-10);
                    break;
                case "rmsprop":
                    s = (0.99 * s) + (0.01 * g * g);
                    w -= eta * g / (Math.Sqrt(s) + 1e-8);
                    break;
                case "adam":
                case "adamw":
                    w -= eta * decay * w;
                    m = (0.9 * m) + (0.1 * g);
                    s = (0.999 * s) + (0.001 * g * g);
                    w -= eta * (m / (1 - Math.Pow(0.9, t))) / (Math.Sqrt(s / (1 - Math.Pow(0.999, t))) + 1e-8);
                    break;
                case "rprop":
                    int turn = Math.Sign(g) * Math.Sign(m);
                    s = Math.Clamp((t == 1 ? eta : s) * (turn > 0 ? 1.2 : turn < 0 ? 0.5 : 1), 1e-6, 50);
                    m = turn < 0 ? 0 : g;
                    w -= Math.Sign(m) * s;
                    break;
                default:
                    throw new ArgumentException(name);
            }
        }

        return w;
    }

    public static Optimizer Make(string name) => Registry.Optimizer(name);
}
