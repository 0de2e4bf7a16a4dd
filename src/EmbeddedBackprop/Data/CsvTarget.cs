namespace EmbeddedBackprop.Data;

/// <summary>What the label column of a CSV file holds.</summary>
public enum CsvTarget
{
    /// <summary>Classes if any label is not a number or all are whole numbers, otherwise values to be predicted.</summary>
    Automatic,

    /// <summary>Classes, whatever the labels look like.</summary>
    Classes,

    /// <summary>Values to be predicted.</summary>
    Numbers,
}
