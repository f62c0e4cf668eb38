import DitherBasics
import DitherProto
import DitherReports
import DitherRobustness
import Foundation

extension Report {
  /// A report from a file of its JSON form, or of its page, which holds its data. A signature must be that of the
  /// bytes.
  init(file path: String) throws {
    let bytes = try FileArray.read(path), form = ReportForm(of: bytes)
    let body = try ReadFile.naming(path) { try form.opened(bytes)?.body } ?? bytes
    do {
      switch form {
      case .json: try self.init(json: Data(body))
      case .html: try self.init(html: String(decoding: body, as: UTF8.self))
      case .protobuf:
        throw CommandError(
          .malformed, at: path, expected: "a report as JSON or HTML", got: "its protobuf form, or another file")
      }
    } catch let error as DecodingError {
      throw CommandError(.malformed, at: path, expected: "a report of `dither audit`", got: error.words)
    } catch let error as RobustnessError {
      throw CommandError(.malformed, at: path, expected: error.expected, got: error.got, advice: error.advice)
    }
  }
}
