return EmbeddedBackprop.Tools.CommandLine.Run(args);
