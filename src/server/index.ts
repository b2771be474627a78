/** The server: HTTP for the studio's page, for programs, and for clients of A1111's and OpenAI's interfaces. */
export { isLoopback } from './security/hosts.ts';
export { type Studio, type StudioOptions, startStudio, usualPort } from './start.ts';
