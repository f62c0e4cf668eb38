import DitherBasics
import Foundation

/// Files that a command writes where its user says: whole or not at all.
enum OutputFile {
  /// Into a link, a pipe or a device goes what is written there: none is put in their place.
  static func write(_ bytes: some Sequence<UInt8>, to path: String) throws(CommandError) {
    var status = stat()
    do {
      if lstat(path, &status) == 0, [S_IFLNK, S_IFIFO, S_IFCHR].contains(status.st_mode & S_IFMT) {
        try Data(bytes).write(to: URL(filePath: path))
      } else {
        try WholeFile.write(Array(bytes), to: path)
      }
    } catch let fault as FileError {
      throw refused(fault.place, fault.got)
    } catch {
      throw refused(path, error.localizedDescription)
    }
  }

  private static func refused(_ path: String, _ reason: String) -> CommandError {
    CommandError(.unreadable, at: path, expected: "a file that can be written", got: reason)
  }
}
