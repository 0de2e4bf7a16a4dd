namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>One double: the oracle of accuracy and gradient checks. M is a*b + c in double, the transcendental functions are those of Math.</summary>
internal readonly struct LaneDouble(double value) : ILanes<LaneDouble>
{
    private readonly double value = value;

    public static LaneDouble Zero => new(0.0);

    public static LaneDouble One => new(1.0);

    public double Value => value;

    public static LaneDouble Constant(double value) => new(value);

    public static LaneDouble operator +(LaneDouble x, LaneDouble y) => new(x.value + y.value);

    public static LaneDouble operator -(LaneDouble x, LaneDouble y) => new(x.value - y.value);

    public static LaneDouble operator *(LaneDouble x, LaneDouble y) => new(x.value * y.value);

    public static LaneDouble operator /(LaneDouble x, LaneDouble y) => new(x.value / y.value);

    public static LaneDouble operator -(LaneDouble x) => new(-x.value);

    public static LaneDouble MultiplyAdd(LaneDouble a, LaneDouble b, LaneDouble c) => new((a.value * b.value) + c.value);

    public static LaneDouble SquareRoot(LaneDouble x) => new(Math.Sqrt(x.value));

    public static LaneDouble Abs(LaneDouble x) => new(Math.Abs(x.value));

    public static LaneDouble IfGreater(LaneDouble x, LaneDouble y, LaneDouble then, LaneDouble otherwise) =>
        x.value > y.value ? then : otherwise;

    public static LaneDouble IfNaN(LaneDouble x, LaneDouble then, LaneDouble otherwise) => double.IsNaN(x.value) ? then : otherwise;

    public static LaneDouble Exp(LaneDouble x) => new(Math.Exp(x.value));

    public static LaneDouble Log(LaneDouble x) => new(Math.Log(x.value));

    public static LaneDouble Tanh(LaneDouble x) => new(Math.Tanh(x.value));

    public static LaneDouble Sin(LaneDouble x) => new(Math.Sin(x.value));

    public static LaneDouble Cos(LaneDouble x) => new(Math.Cos(x.value));

    public static LaneDouble Sigmoid(LaneDouble x)
    {
        double z = Math.Exp(-Math.Abs(x.value));
        return new((x.value > 0.0 ? 1.0 : z) / (1.0 + z));
    }

    public static LaneDouble Log1P(LaneDouble x)
    {
        // Kahan's correction: log(u) * x / (u - 1) cancels the rounding of u = 1 + x.
        double u = 1.0 + x.value;
        double rounded = u - 1.0;
        return new(rounded == 0.0 ? x.value : double.IsPositiveInfinity(u) || u <= 0.0 ? Math.Log(u) : Math.Log(u) * (x.value / rounded));
    }

    /// <summary>erf to about 1e-15: a series of positive terms below 2, the continued fraction of erfc above.</summary>
    public static LaneDouble Erf(LaneDouble x)
    {
        double a = Math.Abs(x.value);
        double square = a * a;
        double result;
        if (a < 2.0)
        {
            // erf a = 2/sqrt(pi) e^-a^2 sum over n of 2^n a^(2n+1) / (1 3 5 ... (2n+1)): no cancellation (Abramowitz and Stegun 7.1.6).
            double term = a;
            double sum = a;
            for (int n = 1; term > sum * 1e-17; n++)
            {
                term *= square / (n + 0.5);
                sum += term;
            }

            result = 2.0 / Math.Sqrt(Math.PI) * Math.Exp(-square) * sum;
        }
        else if (a < 6.5)
        {
            // erfc a = e^-a^2 / sqrt(pi) * 1/(a + (1/2)/(a + 1/(a + (3/2)/(a + ...)))) from the inside out (7.1.14); 120 levels suffice from a = 2
            // on.
            double fraction = a;
            for (int k = 120; k > 0; k--)
            {
                fraction = a + (0.5 * k / fraction);
            }

            result = 1.0 - (Math.Exp(-square) / (Math.Sqrt(Math.PI) * fraction));
        }
        else
        {
            result = double.IsNaN(a) ? a : 1.0;
        }

        return new(Math.CopySign(result, x.value));
    }
}
