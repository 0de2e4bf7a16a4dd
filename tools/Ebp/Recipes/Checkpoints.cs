using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>Model files of this tool in a folder while it trains: each is as good for --resume as the one that is written at the end.</summary>
internal sealed class Checkpoints
{
    private readonly CheckpointRequest request;
    private readonly Dictionary<string, string> strings;
    private readonly CheckpointFolder folder;

    /// <exception cref="ToolException">The folder cannot be written.</exception>
    public Checkpoints(CheckpointRequest request, Recipe recipe, TaskData data, IReadOnlyList<EpochRecord> history)
    {
        this.request = request;
        strings = ModelStore.Strings(recipe, data, history);
        OutputTarget.CheckFolder(request.Folder);
        CheckpointFolder? made = null;
        OutputTarget.Write(() => made = new CheckpointFolder(
            request.Folder, new CheckpointOptions { Every = request.Time, Keep = request.Keep, Extra = strings }));
        folder = made!;
    }

    /// <summary>The newest file of a folder.</summary>
    /// <exception cref="ToolException">There is none.</exception>
    public static string Latest(string folder) =>
        CheckpointFolder.Latest(folder) ?? throw ToolException.BadInput($"{folder}: the folder holds no checkpoint");

    /// <summary>Saves if it is time to.</summary>
    /// <exception cref="ToolException">The file cannot be written.</exception>
    public void AfterUpdate(Trainer trainer)
    {
        try
        {
            folder.AfterUpdate(trainer);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw ToolException.CannotWrite(exception.Message, exception);
        }
    }

    /// <summary>Saves if so many epochs are done.</summary>
    /// <exception cref="ToolException">The file cannot be written.</exception>
    public void AfterEpoch(Trainer trainer, IReadOnlyList<EpochRecord> history)
    {
        ModelStore.SetHistory(strings, history);
        if (request.Epochs > 0 && trainer.State.Epoch % request.Epochs == 0)
        {
            OutputTarget.Write(() => folder.Save(trainer));
        }
    }
}
