/** The server: HTTP for the studio's page, for programs, and for clients of A1111's and OpenAI's interfaces. */
export { Reply, type RouteRow, route } from './route.ts';
