import type { ServerDescription } from './server-limits.ts'

const errorSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: { code: { type: 'string' }, message: { type: 'string' } },
    },
  },
}

const failure = (description: string) => ({
  description,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
})

/** The description of the server's interface, as OpenAPI 3.1. */
export function openApi({
  classes,
  hasProbabilities,
  version,
  maxBytes,
  maxImages,
}: ServerDescription): object {
  const label = { enum: [...classes] }
  const ranked = {
    type: 'array',
    description: 'The classes with their probabilities, most probable first.',
    items: {
      type: 'object',
      required: ['label', 'probability'],
      properties: { label, probability: { type: 'number', minimum: 0, maximum: 1 } },
    },
  }
  const result = {
    type: 'object',
    description: 'The predicted class of a picture, or why it cannot be read.',
    properties: {
      label,
      ...(hasProbabilities && { classes: ranked }),
      error: errorSchema.properties.error,
    },
  }
  const binary = { schema: { type: 'string', format: 'binary' } }
  return {
    openapi: '3.1.0',
    info: { title: 'softmargin serve', version, description: 'Predicts the classes of pictures.' },
    paths: {
      '/classify': {
        post: {
          summary: 'Predict the classes of pictures',
          parameters: [
            {
              name: 'top',
              in: 'query',
              description: 'Number of classes to return for each picture. Default: all.',
              schema: { type: 'integer', minimum: 1 },
            },
          ],
          requestBody: {
            required: true,
            description: `The file of one picture, or JSON with several in base64; at most ${maxBytes} bytes.`,
            content: {
              'image/jpeg': binary,
              'image/png': binary,
              'application/octet-stream': binary,
              'application/json': {
                schema: {
                  type: 'object',
                  required: ['images'],
                  properties: {
                    images: {
                      type: 'array',
                      minItems: 1,
                      maxItems: maxImages,
                      items: { type: 'string', contentEncoding: 'base64' },
                    },
                  },
                },
              },
            },
          },
          responses: {
            200: {
              description: 'A result for each picture, in order.',
              content: { 'application/json': { schema: { $ref: '#/components/schemas/Results' } } },
            },
            400: failure('The request is malformed, or its only picture cannot be read.'),
            408: failure('The body was not received in time.'),
            413: failure('The body is too large, or contains too many pictures.'),
            415: failure('The content type of the body is not supported.'),
            503: failure('The server is overloaded or shutting down, or the time limit was exceeded.'),
          },
        },
      },
      '/health': {
        get: {
          summary: 'Whether the server accepts requests',
          responses: {
            200: {
              description: 'It does.',
              content: { 'application/json': { schema: { $ref: '#/components/schemas/Health' } } },
            },
            503: { description: 'The server is shutting down.' },
          },
        },
      },
      '/openapi.json': {
        get: { summary: 'This description', responses: { 200: { description: 'OpenAPI 3.1.' } } },
      },
    },
    components: {
      schemas: {
        Results: {
          type: 'object',
          required: ['results'],
          properties: { results: { type: 'array', items: result } },
        },
        Health: {
          type: 'object',
          required: ['status', 'classes'],
          properties: { status: { const: 'ok' }, classes: { type: 'array', items: label } },
        },
        Error: errorSchema,
      },
    },
  }
}
