import Foundation
import PackagePlugin

/// Gives the program the digest of the sources that it is built from, so that a report can name its code.
@main struct SourceDigest: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let script = context.package.directoryURL.appending(path: "scripts/source-digest")
    return [
      .prebuildCommand(
        displayName: "Digest of the sources", executable: URL(filePath: "/bin/bash"),
        arguments: [script.path, context.pluginWorkDirectoryURL.path],
        outputFilesDirectory: context.pluginWorkDirectoryURL)
    ]
  }
}
