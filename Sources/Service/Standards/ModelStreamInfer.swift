import DitherProto
import DitherTransport
import SwiftProtobuf

/// `GRPCInferenceService/ModelStreamInfer`: Triton's stream. An answer for each request, in order; one that fails says
/// so in its place, and those behind it are answered.
package struct ModelStreamInferCall: BidirectionalCall {
  package static let method = Inference_GRPCInferenceService.modelStreamInfer
  package static let policy = CallPolicy(role: .predict, defaultDeadline: nil)

  /// Requests of one stream that wait or are computed at once.
  private static let window = 32
  private let infer: ModelInferCall
  private let rates: CallerRates

  package init(_ services: Services) {
    infer = ModelInferCall(services)
    rates = services.rates
  }

  package func answer(
    _ requests: RequestStream<Inference_ModelInferRequest>, _ caller: Caller,
    _ send: ResponseWriter<Inference_ModelStreamInferResponse>
  ) async throws {
    // Each waits for the one before it before it speaks.
    var open: [Task<Void, any Error>] = [], isFirst = true
    do {
      while let request = try await requests.next() {
        if open.count == Self.window { try await open.removeFirst().value }
        let previous = open.last, isCounted = isFirst
        isFirst = false
        open.append(
          Task {
            let response = await answer(request, caller, isCounted: isCounted)
            try await previous?.value
            try await send(response)
          })
      }
      try await open.last?.value
    } catch {
      // They speak to the connection: the call ends behind them.
      _ = await open.last?.result
      throw error
    }
  }

  /// - Parameter isCounted: whether the stream's opening stands for it among the caller's calls.
  private func answer(
    _ request: Inference_ModelInferRequest, _ caller: Caller, isCounted: Bool
  ) async -> Inference_ModelStreamInferResponse {
    var response = Inference_ModelStreamInferResponse()
    do {
      if !isCounted { try rates.take(1, .calls, by: caller.name, caller.rates) }
      response.inferResponse = try await infer.answer(request, caller)
      if request.parameters["triton_enable_empty_final_response"]?.boolParam == true {
        response.inferResponse.parameters["triton_final_response"] = .with { $0.boolParam = true }
      }
    } catch {
      response.errorMessage = CallError(of: error).message
      response.inferResponse.id = request.id
    }
    return response
  }
}
