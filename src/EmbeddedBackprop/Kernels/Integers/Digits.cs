namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>
/// Bits of integers as floats: digits of weights and bytes of 16-bit values, whose sums of products stay below 2^24; all bits are the integers
/// themselves.
/// </summary>
internal static class Digits
{
    /// <summary>digits[i] = (x[i] >> shift) &amp; mask.</summary>
    public static void Take(ReadOnlySpan<int> x, int shift, int mask, Span<float> digits) => Run(x, shift, mask, digits);

    /// <summary>The same of integers held in floats; digits may be the memory of x.</summary>
    public static void Take(ReadOnlySpan<float> x, int shift, int mask, Span<float> digits) => Run(x, shift, mask, digits);

    private static void Run<TValue>(ReadOnlySpan<TValue> x, int shift, int mask, Span<float> digits) where TValue : unmanaged
    {
        Require.Equal("Digits.Take", nameof(digits), x.Length, digits.Length);
        if (!x.IsEmpty)
        {
            DigitsArguments<TValue> arguments = new() { Values = x, Shift = shift, Mask = mask, Digits = digits };
            IntegerDispatch.RunWithin<DigitsKernel<TValue>, DigitsArguments<TValue>>(x.Length, in arguments);
        }
    }
}
