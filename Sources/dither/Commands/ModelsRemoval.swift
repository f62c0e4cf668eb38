import ArgumentParser
import DitherClient
import DitherProto
import Foundation

extension ModelsCommand {
  /// `dither models remove`.
  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Remove a version, or a name with all its versions.",
      discussion: """
        Until the time that the server keeps it has passed, `dither models restore` takes the removal back. A version that an \
        alias names is refused.

        Example: dither models remove mnist-mlp-noise@1
        """)
    @Argument(help: "name@version, or name for all versions.")
    var model: String
    @Flag(help: "Also a version that an alias names; the alias goes with it.")
    var force = false
    @Flag(help: "For good: neither it nor what was removed of it before can be restored, and files go at once.")
    var purge = false
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func run() async throws {
      let removed = try await server.withClient { try await $0.remove(model, force: force, purge: purge) }
      if json { return try Json.print(["removed": removed]) }
      print("removed \(removed) version\(removed == 1 ? "" : "s") of \(model)")
    }
  }

  /// `dither models restore`.
  struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take the removal of a version back, or of all of a name that are kept.",
      discussion: """
        `dither models list --removed` has those that are kept. Aliases that went with a version do not come back.

        Example: dither models restore mnist-mlp-noise@1
        """)
    @Argument(help: "name@version, or name for all that are kept of it.")
    var model: String
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func run() async throws {
      let restored = try await server.withClient { try await $0.restore(model) }
      if json { return try Json.print(["models": restored.map(ModelDescription.init)]) }
      for model in restored { print("restored \(model.name)@\(model.version)") }
    }
  }
}
