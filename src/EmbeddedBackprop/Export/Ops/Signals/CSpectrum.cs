using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels.Signals;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops.Signals;

/// <summary>The Fourier transform of each row in C: Kernels/Scalar/Signals/RealFft.cs.</summary>
internal sealed class CSpectrum : COp
{
    private const string Text = """
        /*
         * The passes of a complex Fourier transform of h values, in place: each block becomes its four parts, w holds e^(-2 pi i p / block) and its
         * powers; a block of two is the last pass.
         */
        static void ebp_fft_passes(size_t h, const float *w, float *re, float *im)
        {
            size_t block = h;
            size_t first;
            size_t p;
            size_t k;
            for (; block >= 4u; block /= 4u) {
                const size_t part = block / 4u;
                for (first = 0u; first < h; first += block) {
                    for (p = 0u; p < part; p++) {
                        float *a = re + first + p;
                        float *b = im + first + p;
                        const float s0 = a[0] + a[2u * part];
                        const float s1 = a[0] - a[2u * part];
                        const float s2 = a[part] + a[3u * part];
                        const float s3 = a[part] - a[3u * part];
                        const float t0 = b[0] + b[2u * part];
                        const float t1 = b[0] - b[2u * part];
                        const float t2 = b[part] + b[3u * part];
                        const float t3 = b[part] - b[3u * part];
                        a[0] = s0 + s2;
                        b[0] = t0 + t2;
                        a[part] = s1 + t3;
                        b[part] = t1 - s3;
                        a[2u * part] = s0 - s2;
                        b[2u * part] = t0 - t2;
                        a[3u * part] = s1 - t3;
                        b[3u * part] = t1 + s3;
                        for (k = 1u; (k < 4u) && (part > 1u); k++) {
                            const float c = w[((2u * k) - 2u) * part + p];
                            const float d = w[((2u * k) - 1u) * part + p];
                            const float x = a[k * part];
                            const float y = b[k * part];
                            a[k * part] = EBP_M(x, c, -(y * d));
                            b[k * part] = EBP_M(x, d, y * c);
                        }
                    }
                }
                w = (part > 1u) ? &w[6u * part] : w;
            }
            for (first = 0u; (block == 2u) && (first < h); first += 2u) {
                const float a = re[first];
                const float b = im[first];
                re[first] = a + re[first + 1u];
                im[first] = b + im[first + 1u];
                re[first + 1u] = a - re[first + 1u];
                im[first + 1u] = b - im[first + 1u];
            }
        }

        """;

    private const string RowsText = """
        /*
         * The spectrum of every row of n samples, zeros up to 2 h: h + 1 real parts, then as many imaginary ones. Even samples are the real parts of h
         * complex values z, odd ones the imaginary parts; at order[k] is Z[k], of which E = (Z[k] + conj Z[h-k]) / 2 and O = -i (Z[k] - conj Z[h-k]) / 2
         * give X[k] = E + w^k O and X[h-k] = conj(E - w^k O). z has room for 2 h floats.
         */
        static void ebp_spectra(size_t rows, size_t n, size_t h, const float *w, const float *split, const uint16_t *order, const float *x, float *z, float *y)
        {
            float *re = z;
            float *im = z + h;
            size_t r;
            size_t k;
            for (r = 0u; r < rows; r++) {
                for (k = 0u; k < h; k++) {
                    re[k] = ((2u * k) < n) ? x[2u * k] : 0.0f;
                    im[k] = (((2u * k) + 1u) < n) ? x[(2u * k) + 1u] : 0.0f;
                }
                ebp_fft_passes(h, w, re, im);
                y[0] = re[0] + im[0];
                y[h] = re[0] - im[0];
                y[h + 1u] = 0.0f;
                y[h + 1u + h] = 0.0f;
                for (k = 1u; k <= (h / 2u); k++) {
                    const size_t i = order[k];
                    const size_t j = order[h - k];
                    const float e = (re[i] + re[j]) * 0.5f;
                    const float f = (im[i] - im[j]) * 0.5f;
                    const float o = (im[i] + im[j]) * 0.5f;
                    const float q = (re[j] - re[i]) * 0.5f;
                    const float c = split[k];
                    const float d = split[(h / 2u) + 1u + k];
                    const float u = EBP_M(o, c, -(q * d));
                    const float v = EBP_M(o, d, q * c);
                    y[h - k] = e - u;
                    y[h + 1u + (h - k)] = v - f;
                    y[k] = e + u;
                    y[h + 1u + k] = f + v;
                }
                x = &x[n];
                y = &y[2u * (h + 1u)];
            }
        }

        """;

    public override bool UsesScratch => true;

    public override CConstant[] Constants(Op op)
    {
        FftTables tables = ((Spectrum)op).Tables;
        int[] order = new int[tables.Half];
        for (int i = 0; i < order.Length; i++)
        {
            order[tables.Reversed[i]] = i;
        }

        CConstant split = new("split", $"e^(-2 pi i k / {tables.Length})", tables.Split.ToArray());
        CConstant places = new("order", "where the passes leave each frequency", [], order);
        return tables.Twiddles.IsEmpty
            ? [split, places]
            : [split, places, new(
                "roots", $"powers of e^(-2 pi i p / b) for blocks of b = {tables.Half} and its quarters", tables.Twiddles.ToArray())];
    }

    public override void Write(CStep step, CProgram program)
    {
        Spectrum op = (Spectrum)step.Step.Op;
        Shape shape = step.InputShape(0);
        int n = shape[shape.Rank - 1], rows = shape.Length / n;
        program.Comment(
            $"{step.Name}: a^{step.Number}[{rows}][{op.TransformLength + 2}] = the Fourier transform of {op.TransformLength} samples, real then imaginary parts");
        _ = program.Routine("fft_passes", CFunctions.MultiplyAdd, Text);
        string spectra = program.Routine("spectra", CFunctions.MultiplyAdd, RowsText);
        string roots = step.Tables.Length > 2 ? step.Tables[2].Name : "NULL";
        program.Statement(
            $"{spectra}({CText.Size(rows)}, {CText.Size(n)}, {CText.Size(op.TransformLength / 2)}, {roots}, {step.Tables[0].Name}, {step.Tables[1].Name}, {step.Inputs[0]}, {step.Scratch}, {step.Output});");
    }
}
