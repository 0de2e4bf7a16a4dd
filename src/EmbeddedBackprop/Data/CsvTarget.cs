namespace EmbeddedBackprop.Data;

/// <summary>The kind of a CSV file's label column.</summary>
public enum CsvTarget
{
    /// <summary>Classes if any label is not a number or all are whole numbers, otherwise values to be predicted.</summary>
    Automatic,

    /// <summary>Classes, whatever the labels look like.</summary>
    Classes,

    /// <summary>Values to be predicted.</summary>
    Numbers,
}
