using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Data.Digits;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Random;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Data;

/// <summary>Augmented images: single moves by hand, the definition in double, their dependencies, their bits, and a training with them.</summary>
internal sealed class AugmentedImagesTests
{
    private const int Side = 5;
    private static readonly AugmentationOptions All = AugmentationOptions.Parse("shift=2,rotate=15,scale=0.1,elastic=1");

    [Test]
    public void Moves_by_hand()
    {
        float[] image = [.. Enumerable.Range(1, Side * Side).Select(i => (float)i)];
        Bits.AssertEqual(Warp(image, 0, 0, 1, 0), image, "nothing");
        float[] right = Warp(image, 1, 0, 1, 0), up = Warp(image, 0, -2, 1, 0), turned = Warp(image, 0, 0, 0, 1), larger = Warp(image, 0, 0, 0.5f, 0);
        for (int y = 0; y < Side; y++)
        {
            for (int x = 0; x < Side; x++)
            {
                Assert.That(right[(y * Side) + x], Is.EqualTo(x == 0 ? 0 : image[(y * Side) + x - 1]), $"right {x},{y}");
                Assert.That(up[(y * Side) + x], Is.EqualTo(y + 2 < Side ? image[((y + 2) * Side) + x] : 0), $"up {x},{y}");

                // A quarter turn: the pixel at (x, y) was at u = y, v = 4 - x.
                Assert.That(turned[(y * Side) + x], Is.EqualTo(image[((Side - 1 - x) * Side) + y]), $"quarter {x},{y}");
            }
        }

        // Twice as large: pixel (1, 2) lies half way between (1, 2) and (2, 2) of the source.
        Assert.That(larger[(2 * Side) + 1], Is.EqualTo((image[11] + image[12]) / 2));
    }

    [Test]
    public void Places_just_inside_the_border_stay_inside()
    {
        // Factors next to 1 give positions next to whole numbers, and shifts bring them to the border.
        foreach (int side in (int[])[2, 3, 5, 8, 9, 28])
        {
            float[] image = Samples.Array(side * side, side), result = new float[side * side];
            ImageWarp warp = new(1, side, side, 8);
            foreach (float c in (float[])[MathF.BitDecrement(1f), MathF.BitIncrement(1f), 1f - 1e-6f, 1f + 1e-6f])
            {
                for (int shift = -side; shift <= side; shift++)
                {
                    warp.Run(image, result, shift, -shift, c, 1e-7f, default);
                    for (int pixel = 0; pixel < result.Length; pixel++)
                    {
                        double p = (pixel % side) - ((side - 1) / 2.0),
                            q = (pixel / side) - ((side - 1) / 2.0);
                        double expected = At(
                            image,
                            side,
                            (c * p) + (1e-7 * q) + ((side - 1) / 2.0) - shift,
                            (c * q) - (1e-7 * p) + ((side - 1) / 2.0) + shift);
                        if (Math.Abs(result[pixel] - expected) > 1e-4)
                        {
                            Assert.Fail($"side {side}, factor {c}, shift {shift}, pixel {pixel}: {result[pixel]} instead of {expected}");
                        }
                    }
                }
            }

            for (uint turns = 0; turns < 1 << 24; turns += 9973)
            {
                UnitCircle.At(turns, out float cosine, out float sine);
                warp.Run(image, result, (int)(turns % 3) - 1, 0, cosine, sine, default);
            }
        }
    }

    [Test]
    public void Large_images_have_a_coarser_grid_that_fits_the_stack()
    {
        int small = new ImageWarp(1, 28, 28, 8).Nodes;
        Assert.That(new ImageWarp(1, 28, 28, 4).Nodes, Is.GreaterThan(small), "the control: the spacing counts");
        foreach (int side in (int[])[287, 288, 400, 5000, 40_000])
        {
            Assert.That(2 * new ImageWarp(1, side, side, 8).Nodes, Is.InRange(2 * small, ImageWarp.MostDisplacements), $"{side}");
        }
    }

    [Test]
    public void A_field_of_one_value_is_a_shift()
    {
        float[] image = Samples.Array(28 * 28, 3);
        ImageWarp warp = new(1, 28, 28, 8);
        float[] field = new float[2 * warp.Nodes], moved = new float[28 * 28], shifted = new float[28 * 28];
        field.AsSpan(0, warp.Nodes).Fill(2f);
        field.AsSpan(warp.Nodes).Fill(-3f);
        warp.Run(image, moved, 0, 0, 1, 0, field);
        warp.Run(image, shifted, -2, 3, 1, 0, default);
        for (int i = 0; i < moved.Length; i++)
        {
            // The weights of a B-spline add up to 1, but for rounding, which can reach over the border.
            if (i % 28 is > 0 and < 25 && i / 28 is > 3 and < 27)
            {
                Assert.That(moved[i], Is.EqualTo(shifted[i]).Within(1e-5), $"pixel {i}");
            }
        }
    }

    [Test]
    public void Every_pixel_is_that_of_the_definition_in_double([Values(1, 2)] int channels)
    {
        const int Height = 9, Width = 13, Spacing = 4;
        float[] image = Samples.Array(channels * Height * Width, 7), result = new float[image.Length];
        ImageWarp warp = new(channels, Height, Width, Spacing);
        float[] field = Samples.Array(2 * warp.Nodes, 8);
        warp.Run(image, result, 1, -1, 0.9f, 0.3f, field);
        int nodesX = ((Width - 1) / Spacing) + 4, worst = 0;
        for (int c = 0; c < channels; c++)
        {
            for (int y = 0; y < Height; y++)
            {
                for (int x = 0; x < Width; x++)
                {
                    double p = x - 6.0, q = y - 4.0, u = (0.9f * p) + (0.3f * q) + 6 - 1, v = (0.9f * q) - (0.3f * p) + 4 + 1;
                    for (int j = 0; j < 4; j++)
                    {
                        for (int i = 0; i < 4; i++)
                        {
                            double weight = Spline(i - ((double)(x % Spacing) / Spacing)) * Spline(j - ((double)(y % Spacing) / Spacing));
                            int node = (((y / Spacing) + j) * nodesX) + (x / Spacing) + i;
                            u += weight * field[node];
                            v += weight * field[warp.Nodes + node];
                        }
                    }

                    int left = (int)Math.Floor(u),
                        top = (int)Math.Floor(v);
                    double f = u - left,
                        g = v - top;
                    double expected =
                        ((1 - g) * (((1 - f) * At(left, top)) + (f * At(left + 1, top))))
                        + (g * (((1 - f) * At(left, top + 1)) + (f * At(left + 1, top + 1))));
                    Assert.That(result[(((c * Height) + y) * Width) + x], Is.EqualTo(expected).Within(1e-4), $"{c} {x},{y}");
                    worst++;

                    double At(int column, int row) =>
                        column < 0 || row < 0 || column >= Width || row >= Height ? 0 : image[(((c * Height) + row) * Width) + column];
                }
            }
        }

        Assert.That(worst, Is.EqualTo(image.Length));

        // The cubic B-spline; node 1 of the four is the one at the pixel's left.
        static double Spline(double distance)
        {
            double t = Math.Abs(distance - 1);
            return t < 1 ? ((4 - (6 * t * t) + (3 * t * t * t)) / 6) : t < 2 ? (2 - t) * (2 - t) * (2 - t) / 6 : 0;
        }
    }

    [Test]
    public void An_image_depends_on_seed_epoch_and_sample_alone()
    {
        ByteDataset digits = DigitsGenerator.Create(12, seed: 1);
        AugmentedImages images = new(digits, All, seed: 5);
        images.BeginEpoch(3);
        float[] together = Rows(images, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
            fourth = together.AsSpan(4 * 784, 784).ToArray();
        Bits.AssertEqual(
            Rows(images, [7, 2, 7]),
            [.. together[(7 * 784)..(8 * 784)], .. together[(2 * 784)..(3 * 784)], .. together[(7 * 784)..(8 * 784)]],
            "other company, twice");
        AugmentedImages again = new(digits, All, seed: 5);
        again.BeginEpoch(3);
        Widths.ForEach(width => Bits.AssertEqual(Rows(again, [4]), fourth, $"width {width}"));
        Assert.That(Differs(new AugmentedImages(digits, All, seed: 6), 3), "another seed");
        Assert.That(Differs(again, 4), "another epoch");
        Assert.That(
            Bits.FirstDifference(Rows(new AugmentedImages(DatasetView.Slice(digits, 4, 1), All, 5), [0]), fourth),
            Is.Not.EqualTo(-1),
            "another number in the source");
        Assert.That(images.Label(7), Is.EqualTo(digits.Label(7)));

        bool Differs(AugmentedImages other, int epoch)
        {
            other.BeginEpoch(epoch);
            return Bits.FirstDifference(Rows(other, [4]), fourth) >= 0;
        }
    }

    [Test]
    public void Bits_that_every_machine_must_give()
    {
        AugmentedImages images = new(DigitsGenerator.Create(20, seed: 1), All, seed: 1);
        images.BeginEpoch(2);
        Assert.That(WeightsHash.Of(Rows(images, [.. Enumerable.Range(0, 20)])), Is.EqualTo(Written));
    }

    [Test]
    public void A_training_gathers_other_images_in_each_epoch_on_any_number_of_threads_and_resumes()
    {
        string one = Train(1, 0), four = Train(4, 0), resumed = Train(1, 7);
        Assert.That(four, Is.EqualTo(one));
        Assert.That(resumed, Is.EqualTo(one));
        Assert.That(Train(1, 0, AugmentationOptions.Parse("shift=1")), Is.Not.EqualTo(one));

        static string Train(int threads, int stop, AugmentationOptions? options = null)
        {
            AugmentedImages images = new(DigitsGenerator.Create(60, seed: 1), options ?? All, seed: 9);
            using Network net = Make(threads);
            Trainer trainer = new(net, images, new TrainerOptions { Epochs = 3, LearningRate = 0.1f });
            if (stop > 0)
            {
                using CancellationTokenSource source = new();
                while (net.StepNumber < stop)
                {
                    trainer.TrainEpoch(
                        _ =>
                        {
                            if (net.StepNumber == stop)
                            {
                                source.Cancel();
                            }
                        },
                        source.Token);
                }

                ModelFile file = ModelFile.Parse(ModelFile.ToArray(net, trainer), "m");
                Trainer second = new(Make(1), new AugmentedImages(DigitsGenerator.Create(60, seed: 1), All, seed: 9), file.ToTrainerOptions());
                file.Restore(second);
                trainer = second;
            }

            while (!trainer.Finished)
            {
                trainer.TrainEpoch();
            }

            return WeightsHash.Of(trainer.Network);
        }

        static Network Make(int threads) =>
            new Sequential(784).Dense<Relu>(12).Dense<Sigmoid>(10).Compile<Quadratic>(new NetworkOptions { Batch = 20, Threads = threads, Seed = 2 });
    }

    [Test]
    public void Gathering_allocates_nothing()
    {
        AugmentedImages images = new(DigitsGenerator.Create(8, seed: 1), All, seed: 1);
        float[] x = new float[8 * 784], y = new float[80];
        int[] samples = [0, 1, 2, 3, 4, 5, 6, 7];
        Assert.That(Allocations.Of(20, () => images.Gather(samples, x, 784, y, 10)), Is.Zero);

        // Images beyond the stack share one array for each thread.
        AugmentedImages large = new(Large(), All, seed: 1);
        float[] big = new float[3 * 90 * 70];
        Assert.That(Allocations.Of(5, () => large.Gather([0], big, big.Length, default, 0)), Is.Zero);
    }

    [Test]
    public void Options_are_read_and_written_and_wrong_ones_told()
    {
        foreach (string text in (string[])["shift=2,rotate=10,scale=0.1,elastic=1.5", "rotate=7.5", "elastic=1,spacing=6", "shift=1"])
        {
            Assert.That(AugmentationOptions.Parse(text).ToString(), Is.EqualTo(text));
        }

        Assert.That(AugmentationOptions.Parse("shift=0").ToString(), Is.Empty);
        foreach (
            string text in (string[])
                ["", "shift", "shift=-1", "shift=1.5", "rotate=200", "scale=1", "elastic=nan", "zoom=2", "shift=1,shift=2", "spacing=1"])
        {
            Assert.That(() => AugmentationOptions.Parse(text), Throws.InstanceOf<FormatException>(), text);
        }

        Assert.That(() => new AugmentedImages(SmallData(), All, 1), Throws.ArgumentException.With.Message.Contains("no images"));
    }

    /// <summary>Between four pixels, in double; 0 outside.</summary>
    private static double At(float[] image, int side, double u, double v)
    {
        int left = (int)Math.Floor(u),
            top = (int)Math.Floor(v);
        double f = u - left,
            g = v - top;
        return ((1 - g) * (((1 - f) * Pixel(left, top)) + (f * Pixel(left + 1, top))))
            + (g * (((1 - f) * Pixel(left, top + 1)) + (f * Pixel(left + 1, top + 1))));

        double Pixel(int x, int y) => x < 0 || y < 0 || x >= side || y >= side ? 0 : image[(y * side) + x];
    }

    private const string Written = "52d8ad2154d646cdb59d736bf9349700ca85a7a7848a67c321a105128edbc131";

    private static FloatDataset SmallData() => FloatDataset.Classified([1, 2, 3], 3, [0], 2);

    private static ByteDataset Large() => new(new byte[3 * 90 * 70], [1], 3 * 90 * 70, 2) { InputShape = new Shape(3, 90, 70) };

    private static float[] Rows(AugmentedImages source, int[] samples)
    {
        float[] rows = new float[samples.Length * source.InputLength];
        source.Gather(samples, rows, source.InputLength, default, 0);
        return rows;
    }

    private static float[] Warp(float[] image, int shiftX, int shiftY, float c, float s)
    {
        float[] result = new float[image.Length];
        new ImageWarp(1, Side, Side, 8).Run(image, result, shiftX, shiftY, c, s, default);
        return result;
    }
}
