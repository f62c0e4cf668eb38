import DitherProto
import DitherTransport

/// `GRPCInferenceService/ModelInfer`: an answer with its uncertainty as tensors.
package struct ModelInferCall: PromptCall {
  package static let method = Inference_GRPCInferenceService.modelInfer
  package static let policy = CallPolicy(role: .predict)

  private let predicting: Predicting

  package init(_ services: Services) { predicting = Predicting(services) }

  package func answer(
    _ request: Inference_ModelInferRequest, _ caller: Caller,
    _ complete: @escaping @Sendable (Result<Inference_ModelInferResponse, any Error>) -> Void
  ) {
    do {
      let query = try PredictionQuery(request), form = try OipAnswerForm(request)
      predicting.answer(query, form.bounding(caller)) { result in
        complete(result.flatMap { answer in Result { try form.response(answer) } })
      }
    } catch {
      complete(.failure(error))
    }
  }

  /// The same, for those who wait.
  package func answer(
    _ request: Inference_ModelInferRequest, _ caller: Caller
  ) async throws -> Inference_ModelInferResponse {
    try await withCheckedThrowingContinuation { continuation in
      answer(request, caller) { continuation.resume(with: $0) }
    }
  }
}
