namespace EmbeddedBackprop.Kernels;

/// <summary>
/// The use of a random number. It is the last word of the generator's counter, so that two uses of one seed never share a number.
/// The values are part of every result that a seed reproduces and never change.
/// </summary>
public enum RandomPurpose
{
    /// <summary>The caller's own draws.</summary>
    General = 0,

    /// <summary>Initial weights; the stream is the index of the parameter range in the plan.</summary>
    Weights = 1,

    /// <summary>The order of the samples; the stream is the epoch.</summary>
    Shuffle = 2,

    /// <summary>Dropout masks.</summary>
    Dropout = 3,

    /// <summary>Which samples become the test part.</summary>
    Split = 4,

    /// <summary>The strokes of the built-in digits; the stream is the image.</summary>
    Digits = 5,

    /// <summary>Inputs and parameters of gradient checks and self-tests.</summary>
    Check = 6,

    /// <summary>The changes of training images; the stream is the image.</summary>
    Augmentation = 7,

    /// <summary>Which samples give the ranges of a quantised network.</summary>
    Calibration = 8,
}
